"""Two runs side by side: which questions were won and lost, and whether chance alone would do that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from audit.problems import Problem
from evaluation.intervals import mcnemar
from evaluation.measures import ANSWERS, FAULTS, RETRIEVAL
from evaluation.models import Result, Run

#: What a run is called by, not what it was made with.
NAMES = ("index",)
#: What runs of an older release do not say.
UNSAID = {"mode": str(Run.Mode.HYBRID)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One score on the questions that both runs have it for. `won`, `lost`: by `b` against `a`.

    `p` is McNemar's exact one: how likely chance alone parts them as unevenly. Of a score where fewer
    is better, a question that has it no more is won.
    """

    name: str
    a: float
    b: float
    n: int
    won: int
    lost: int
    p: float

    @property
    def difference(self) -> float:
        return round(self.b - self.a, 4)


@dataclass(frozen=True, slots=True)
class Pair:
    """One question of both runs that came out differently, with the names of its scores that did."""

    key: str
    type: str
    language: str
    question: str
    a: Mapping[str, bool]
    b: Mapping[str, bool]
    won: list[str]
    lost: list[str]
    result_a: UUID
    result_b: UUID


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that the runs were made with, where they differ."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """`only_a`, `only_b`: questions that one run alone has; `changed`: that were edited in between. None
    of these counts."""

    a: Run
    b: Run
    scores: list[Difference]
    questions: list[Pair]
    config: list[Changed]
    only_a: int
    only_b: int
    changed: int


def compare(a: Run, b: Run) -> Comparison:
    """`b` against `a`. Raises Problem `sets-differ`, `kinds-differ`. Whoever asks must have got both runs
    by access."""
    if a.set_id != b.set_id:
        detail = _("These runs asked the questions of different sets. Choose two of one set.")
        raise Problem(409, "sets-differ", detail)
    if a.kind != b.kind:
        detail = _("One of these runs measures finding, the other answering. Choose two of a kind.")
        raise Problem(409, "kinds-differ", detail)
    results_a, results_b = _results(a), _results(b)
    both = sorted(results_a.keys() & results_b.keys())
    pairs = [(results_a[key], results_b[key]) for key in both]
    same = [(x, y) for x, y in pairs if x.digest == y.digest]
    return Comparison(
        a,
        b,
        scores=_differences(same),
        questions=[pair for x, y in same if (pair := _pair(x, y))],
        config=_changes(a.config, b.config),
        only_a=len(results_a) - len(both),
        only_b=len(results_b) - len(both),
        changed=len(pairs) - len(same),
    )


def _results(run: Run) -> dict[str, Result]:
    return {result.key: result for result in run.results.select_related("question")}


def _differences(pairs: Iterable[tuple[Result, Result]]) -> list[Difference]:
    scored = [(x.scores, y.scores) for x, y in pairs]
    found = []
    for name in (*RETRIEVAL, *ANSWERS):
        values = [(x[name], y[name]) for x, y in scored if name in x and name in y]
        if values:
            found.append(_difference(name, values))
    return found


def _difference(name: str, values: list[tuple[bool, bool]]) -> Difference:
    more = sum(y and not x for x, y in values)
    fewer = sum(x and not y for x, y in values)
    won, lost = (fewer, more) if name in FAULTS else (more, fewer)
    n = len(values)
    a, b = (round(sum(pair[side] for pair in values) / n, 4) for side in (0, 1))
    return Difference(name, a, b, n, won, lost, round(mcnemar(won, lost), 4))


def _pair(x: Result, y: Result) -> Pair | None:
    """None where no score differs."""
    differ = [name for name in x.scores if name in y.scores and x.scores[name] != y.scores[name]]
    if not differ:
        return None
    won = [name for name in differ if y.scores[name] != (name in FAULTS)]
    lost = [name for name in differ if name not in won]
    question = y.question or x.question
    words = question.question if question else ""
    return Pair(x.key, x.type, x.language, words, x.scores, y.scores, won, lost, x.pk, y.pk)


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Changed]:
    names = sorted(name for name in {**a, **b} if name not in NAMES)
    pairs = [(name, *(each.get(name, UNSAID.get(name)) for each in (a, b))) for name in names]
    return [Changed(name, x, y) for name, x, y in pairs if x != y]
