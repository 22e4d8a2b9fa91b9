"""Scores as plain numbers that a template draws as SVG: no script, no inline style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation import words
from evaluation.compare import Difference
from evaluation.curve import Point, Told, best, curve
from evaluation.models import Run

#: The drawing's own units; the page scales it.
WIDTH, HEIGHT = 100, 24
#: Runs that a line shows.
POINTS = 12
KINDS = ("type", "language", "half")

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """A share of questions with its interval, all in percent."""

    key: str
    words: str
    n: int
    share: float
    low: float
    high: float

    @property
    def reach(self) -> float:
        return round(self.high - self.low, 2)


@dataclass(frozen=True, slots=True)
class Line:
    """A score over the last runs, oldest first: points for a polyline, and the same in percent."""

    points: str
    last: tuple[float, float]
    shares: list[float]


def bar(key: str, said: str, score: Mapping[str, Any]) -> Bar:
    """Of one score as Run.scores has it: {share, low, high, n}."""
    share = _percent(score.get("share"))
    low, high = (_percent(score.get(end, score.get("share"))) for end in ("low", "high"))
    return Bar(key, said, int(score.get("n") or 0), share, low, high)


def scores(summary: Summary) -> list[Bar]:
    """Every score over all questions."""
    found = (summary.get("all") or {}).get("scores", {})
    return [bar(name, words.score(name), score) for name, score in found.items()]


def groups(summary: Summary, name: str) -> list[tuple[str, list[Bar]]]:
    """One score by type, by language and by halves of the questions; kinds with one group are left out,
    for they say what "all" says."""
    made = []
    for kind in KINDS:
        parts = {key: part for key, part in summary.items() if key.startswith(f"{kind}:")}
        if kind == "language" and "english" in summary:
            parts["english"] = summary["english"]
        bars = [
            bar(key, words.group(key), part["scores"][name])
            for key, part in parts.items()
            if name in part.get("scores", {})
        ]
        if len(bars) > 1:
            made.append((kind, bars))
    return made


def main_bar(run: Run, summary: Summary | None = None) -> Bar | None:
    """The score that stands for a run; None where nothing is scored yet."""
    found = ((run.scores if summary is None else summary).get("all") or {}).get("scores", {})
    name = words.main(run.kind, found)
    return bar(name, words.score(name), found[name]) if name else None


@dataclass(frozen=True, slots=True)
class Pair:
    """One score of two runs, in percent; `said` is the difference in points."""

    words: str
    n: int
    a: float
    b: float
    said: float
    won: int
    lost: int
    p: float


def difference(found: Difference) -> Pair:
    a, b = _percent(found.a), _percent(found.b)
    said = words.score(found.name)
    return Pair(
        said, found.n, a, b, round(found.difference * 100, 1), found.won, found.lost, found.p
    )


def line(runs: Sequence[Run]) -> Line | None:
    """The main score of runs of one kind, given newest first; None for fewer than two."""
    shares = [each.share for each in map(main_bar, runs[:POINTS]) if each is not None][::-1]
    if len(shares) < 2:
        return None
    step = (WIDTH - 4) / (len(shares) - 1)
    places = [(round(2 + i * step, 2), _height(share)) for i, share in enumerate(shares)]
    return Line(" ".join(f"{x},{y}" for x, y in places), places[-1], shares)


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold, and what it would have done, in percent."""

    threshold: float
    answerable: float
    unanswerable: float
    balanced: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares refused over the threshold as points of two polylines; `now` is the run's own, as an x.

    `counted`: answerable and unanswerable questions.
    """

    answerable: str
    unanswerable: str
    now: float
    marks: list[Mark]
    rows: list[Step]
    best: Step
    counted: tuple[int, int]


def refusing(told: Sequence[Told], threshold: float) -> Curve | None:
    """None where the run says nothing of it: no answers, or only one kind of questions."""
    points = curve(told)
    chosen = best(points)
    if chosen is None:
        return None
    return Curve(
        answerable=_refused(points, "answerable"),
        unanswerable=_refused(points, "unanswerable"),
        now=_across(threshold),
        marks=[Mark(_across(at), f"{at:g}") for at in (0, 0.25, 0.5, 0.75, 1)],
        rows=[_step(point) for point in points],
        best=_step(chosen),
        counted=(sum(each.answerable for each in told), sum(not each.answerable for each in told)),
    )


def _refused(points: Sequence[Point], name: str) -> str:
    shares = [(_across(point.threshold), 56 - 52 * getattr(point, name)) for point in points]
    return " ".join(f"{x},{round(y, 2)}" for x, y in shares)


def _across(threshold: float) -> float:
    return round(8 + 90 * min(1.0, max(0.0, threshold)), 2)


def _step(point: Point) -> Step:
    shares = (point.answerable, point.unanswerable, point.balanced)
    return Step(point.threshold, *map(_percent, shares))


def _height(share: float) -> float:
    return round(HEIGHT - 2 - share / 100 * (HEIGHT - 4), 2)


def _percent(value: Any) -> float:
    return round(min(1.0, max(0.0, float(value or 0.0))) * 100, 1)
