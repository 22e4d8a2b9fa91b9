"""How far a share of few questions can be trusted. Pure: Wilson's interval, McNemar's exact test."""

from math import comb, sqrt

#: Of a normal distribution, for 95%.
Z = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share of `hits` among `n` (Wilson 1927); 0 to 1 of nothing."""
    if not n:
        return 0.0, 1.0
    share, z2 = hits / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At 0 and 1 the bound is exact; sums of fractions are not.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return low, 1.0 if hits == n else min(1.0, middle + half)


def mcnemar(won: int, lost: int) -> float:
    """How likely it is that chance alone parts `won + lost` questions at least as unevenly (two-sided)."""
    n = won + lost
    if not n:
        return 1.0
    tail = sum(comb(n, k) for k in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / (1 << n))
