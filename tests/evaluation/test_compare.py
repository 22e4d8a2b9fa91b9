"""Two runs side by side."""

from typing import Any

import pytest

from accounts.models import User
from audit.problems import Problem
from evaluation import charts
from evaluation.compare import Difference, compare
from evaluation.models import QuestionSet, Result, Run
from evaluation.sets import create_set
from ingest.models import Collection


@pytest.fixture
def two(admin: User, golden: QuestionSet) -> tuple[Run, Run]:
    made = {"set": golden, "kind": "retrieval", "started_by": admin, "status": "done"}
    first = Run.objects.create(config={"embedder": "a", "k": 10, "index": "1"}, **made)
    second = Run.objects.create(config={"embedder": "b", "k": 10, "index": "2"}, **made)
    return first, second


def result(run: Run, key: str, digest: str = "same", **scores: bool) -> Result:
    named = {name.replace("_", "@"): value for name, value in scores.items()}
    about: dict[str, Any] = {"type": "fact", "language": "en", "digest": digest}
    return Result.objects.create(
        run=run, key=key, ordinal=run.results.count() + 1, scores=named, **about
    )


def test_questions_won_and_lost(two: tuple[Run, Run]) -> None:
    a, b = two
    for key, before, after in (("1", False, True), ("2", True, False), ("3", True, True)):
        result(a, key, strict_5=before, file_5=True)
        result(b, key, strict_5=after, file_5=True)
    found = compare(a, b)
    [strict, file] = found.scores
    assert (strict.name, strict.n, strict.won, strict.lost, strict.p) == ("strict@5", 3, 1, 1, 1.0)
    assert strict.difference == 0 and file.won == file.lost == 0
    assert [(pair.key, pair.won, pair.lost) for pair in found.questions] == [
        ("1", ["strict@5"], []),
        ("2", [], ["strict@5"]),
    ]


def test_more_faults_are_questions_lost(two: tuple[Run, Run]) -> None:
    a, b = two
    Result.objects.bulk_create(
        Result(
            run=run, key="1", ordinal=1, type="fact", language="en", digest="same",
            scores={"dangling": run == b},
        )
        for run in two
    )  # fmt: skip
    found = compare(a, b)
    assert found.scores[0].lost == 1 and found.questions[0].lost == ["dangling"]


def test_only_what_both_asked_alike_counts(two: tuple[Run, Run]) -> None:
    a, b = two
    result(a, "1", strict_5=True)
    result(a, "2", strict_5=True)
    result(b, "2", digest="edited", strict_5=False)
    result(b, "3", strict_5=True)
    found = compare(a, b)
    assert (found.only_a, found.only_b, found.changed) == (1, 1, 1)
    assert found.scores == [] and found.questions == []


def test_what_differs_in_the_making_is_told(two: tuple[Run, Run]) -> None:
    [change] = compare(*two).config
    assert (change.name, change.a, change.b) == ("embedder", "a", "b")


def test_finding_and_answering_are_not_compared(two: tuple[Run, Run]) -> None:
    a, b = two
    b.kind = Run.Kind.ANSWERS
    with pytest.raises(Problem, match="kinds-differ"):
        compare(a, b)


def test_runs_of_two_sets_are_not_compared(
    admin: User, collection: Collection, two: tuple[Run, Run]
) -> None:
    other = create_set(admin, name="Other", collections=[collection.pk])
    run = Run.objects.create(set=other, kind="retrieval", started_by=admin, status="done")
    with pytest.raises(Problem, match="sets-differ"):
        compare(two[0], run)


def test_points_are_counted_before_they_are_rounded() -> None:
    found = Difference("strict@5", 52 / 60, 56 / 60, 60, 4, 0, 0.1)
    assert charts.difference(found).said == 6.7
