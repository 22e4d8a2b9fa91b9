"""Questions to a filled collection: milliseconds by stage, CPU seconds of all processes."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bench.room import Room
from evaluation.scores import percentile

if TYPE_CHECKING:
    from chat.retrieve import Mode

K = 10
Row = dict[str, Any]


def ask(
    room: Room, collection: UUID, question: str, mode: "Mode" = "hybrid"
) -> Mapping[str, float]:
    """Milliseconds by stage of one question, and in all."""
    from chat.find import Query, find

    start = time.perf_counter()
    finding = find(room.user, Query(question, [collection], mode=mode), K)
    return {**finding.ms, "total": (time.perf_counter() - start) * 1_000}


def asked(
    room: Room, collection: UUID, questions: Sequence[str], *, mode: "Mode" = "hybrid"
) -> Row:
    """p50 and p95 by stage, over `questions`, after some that warm up; CPU ms a question by process."""
    for question in questions[:: max(1, len(questions) // 5)]:
        ask(room, collection, question, mode)
    before, started = room.cpu(), time.perf_counter()
    times = [ask(room, collection, question, mode) for question in questions]
    seconds = time.perf_counter() - started
    return {
        "questions": len(questions),
        "stages": stages(times),
        "CPU ms": spent(before, room.cpu(), len(questions)),
        "seconds": round(seconds, 1),
    }


def stages(times: Sequence[Mapping[str, float]]) -> dict[str, Row]:
    """p50 and p95 of each stage; one that a question did not have took it no time."""
    names = list(dict.fromkeys(name for each in times for name in each))
    values = {name: [each.get(name, 0.0) for each in times] for name in names}
    return {
        name: {"p50": percentile(found, 0.5), "p95": percentile(found, 0.95)}
        for name, found in values.items()
    }


def spent(before: Mapping[str, float], after: Mapping[str, float], count: int) -> dict[str, float]:
    """CPU ms of each process for one of `count` questions, and of all."""
    each = {name: (after[name] - before[name]) * 1_000 / count for name in after}
    return {name: round(ms, 1) for name, ms in {**each, "all": sum(each.values())}.items()}


def line(row: Row) -> list[str]:
    """`p50 / p95` of each stage for a table, then the CPU ms."""
    cells = [f"{_ms(each['p50'])} / {_ms(each['p95'])}" for each in row["stages"].values()]
    return [*cells, str(row["CPU ms"]["all"])]


def head(row: Row) -> list[str]:
    return [*row["stages"], "CPU ms, all processes"]


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
