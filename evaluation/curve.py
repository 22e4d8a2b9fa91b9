"""What another threshold of refusing would have done to the same answers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Thresholds that are tried, in percent of confidence.
STEPS = tuple(range(0, 101, 5))


@dataclass(frozen=True, slots=True)
class Told:
    """One answer of a run: whether its question can be answered, and how sure the answer was (0 to 1)."""

    answerable: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class Point:
    """At `threshold`: the shares refused of the answerable and of the unanswerable questions."""

    threshold: float
    answerable: float
    unanswerable: float

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean of the share answered rightly and the share refused rightly."""
        return (1 - self.answerable + self.unanswerable) / 2


def curve(told: Iterable[Told]) -> list[Point]:
    """A point for each threshold of STEPS; none where one of both kinds of questions is missing."""
    known = list(told)
    answerable = [each.confidence for each in known if each.answerable]
    unanswerable = [each.confidence for each in known if not each.answerable]
    if not answerable or not unanswerable:
        return []
    return [
        Point(step / 100, _under(answerable, step / 100), _under(unanswerable, step / 100))
        for step in STEPS
    ]


def best(points: Sequence[Point]) -> Point | None:
    """The threshold with the highest balanced accuracy; of equal ones that in the middle."""
    if not points:
        return None
    highest = max(point.balanced for point in points)
    equal = [point for point in points if point.balanced == highest]
    return equal[len(equal) // 2]


def _under(confidences: Sequence[float], threshold: float) -> float:
    return sum(value < threshold for value in confidences) / len(confidences)
