"""How long a document still waits and takes, from what the last ones took. A guess, and not a promise.

The time of a document is a constant and so much a byte, fitted for each lane to those that were ready
last; where its passages are counted, it is their number. Nothing was measured: no guess is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, ExpressionWrapper, F, FloatField, Q, Sum, Value, When, Window
from django.db.models.functions import RowNumber

from ingest import fair
from ingest.models import Document

#: Documents that are looked at, the last ones of all lanes.
LAST = 100
#: Seconds for which a process keeps what it measured.
FRESH = 10.0
STAGES = ("convert", "unpack", "parse", "ocr", "chunk", "words", "embed", "probe")

_Status, _Stage = Document.Status, Document.Stage
_number = partial(ExpressionWrapper, output_field=FloatField())


@dataclass(frozen=True, slots=True)
class Wait:
    """`position`: its place among those of its lane, 1 is next, 0 is in work. `seconds` until it is
    ready, as far as can be guessed; None where nothing was measured yet.
    """

    position: int
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one lane: seconds = `each` + `byte` x its size; `passage`: seconds of understanding one."""

    each: float = 0.0
    byte: float = 0.0
    passage: float = 0.0
    #: What share of a document's time each stage takes.
    shares: dict[str, float] = field(default_factory=dict)


def waits(documents: Iterable[Document]) -> dict[UUID, Wait]:
    """The wait of each of these that is queued or in work, in a constant number of queries."""
    shown = list(documents)
    at_work = [one for one in shown if one.status == _Status.PROCESSING]
    queued = [one for one in shown if one.status == _Status.QUEUED]
    if not (at_work or queued):
        return {}
    speeds = speed()
    found = {one.pk: Wait(0, _rounded(_left(one, speeds.get(one.lane)))) for one in at_work}
    if queued:
        before = _before(speeds)
        for pk, lane, position, until, own in _places(queued, speeds):
            wait = None
            if lane in speeds:
                wait = (until - own + before.get(lane, 0)) / _workers(lane) + own
            found[pk] = Wait(position, _rounded(wait))
    return found


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, ceil(seconds))


def _workers(lane: str) -> int:
    return fair.slow_workers() if lane == fair.SLOW else settings.WORKER_PROCESSES


# --- what waits, what is in work ------------------------------------------------------------------


def _places(
    documents: Sequence[Document], speeds: dict[str, Speed]
) -> Iterable[tuple[UUID, str, int, float, float]]:
    """Id, lane, place, seconds of work up to its end, its own seconds, of each that is queued."""
    window = partial(Window, partition_by=[F("lane")], order_by=["turn", "created_at", "id"])
    rows = Document.objects.filter(
        status=_Status.QUEUED,
        lane__in={one.lane for one in documents},
        turn__lte=max(one.turn for one in documents),
    ).annotate(
        own=_work(speeds),
        position=window(RowNumber()),
        until=window(Sum(_work(speeds))),
    )
    # In one condition with a window's value, or those before it would not be counted.
    asked = Q(pk__in=[one.pk for one in documents]) | Q(position__lt=0)
    return rows.filter(asked).order_by().values_list("pk", "lane", "position", "until", "own")


def _work(speeds: dict[str, Speed]) -> Case:
    """The seconds that a waiting document takes, as the database counts them."""
    cases = []
    for lane, speed in speeds.items():
        passages = _number((F("chunk_count") - F("done")) * Value(speed.passage))
        cases.append(When(lane=lane, stage=_Stage.EMBED, chunk_count__gt=0, then=passages))
        whole = Value(speed.each) + F("bytes") * Value(speed.byte)
        cases.append(When(lane=lane, then=_number(whole * (Value(1.0) - F("progress")))))
    return Case(*cases, default=Value(0.0), output_field=FloatField())


def _before(speeds: dict[str, Speed]) -> dict[str, float]:
    """Seconds that what is in work still takes, by lane."""
    left: dict[str, float] = {}
    at_work = Document.objects.filter(status=_Status.PROCESSING).order_by()
    for one in at_work.only("lane", "stage", "progress", "done", "total", "bytes"):
        left[one.lane] = left.get(one.lane, 0) + (_left(one, speeds.get(one.lane)) or 0)
    return left


def _left(document: Document, speed: Speed | None) -> float | None:
    """Seconds that a document in work still takes: by its stage, and how far that is."""
    if speed is None:
        return None
    if document.stage == _Stage.EMBED and document.total:
        return (document.total - document.done) * speed.passage
    whole = speed.each + speed.byte * document.bytes
    at = STAGES.index(document.stage) if document.stage in STAGES else 0
    over = sum(speed.shares.get(name, 0) for name in STAGES[:at])
    over += speed.shares.get(document.stage, 0) * document.progress
    return whole * max(0.0, 1 - over)


# --- what was measured ----------------------------------------------------------------------------
_kept: tuple[float, dict[str, Speed]] | None = None


def speed() -> dict[str, Speed]:
    """The speed of each lane of which a document was ready lately. Kept for FRESH seconds."""
    global _kept
    if _kept is None or monotonic() - _kept[0] > FRESH:
        _kept = (monotonic(), _measured())
    return _kept[1]


def forget() -> None:
    """Measure anew."""
    global _kept
    _kept = None


def _measured() -> dict[str, Speed]:
    ready = Document.objects.filter(status=_Status.READY).order_by("-ready_at")
    last = ready.values_list("lane", "bytes", "chunk_count", "reading")
    lanes: dict[str, list[tuple[int, int, dict[str, float]]]] = {}
    for lane, size, passages, reading in last[:LAST]:
        if seconds := _seconds(reading):
            lanes.setdefault(lane, []).append((size, passages, seconds))
    return {lane: _speed(found) for lane, found in lanes.items()}


def _seconds(reading: dict[str, Any]) -> dict[str, float]:
    told = reading.get("seconds", {})
    return {name: float(told[name]) for name in STAGES if name in told}


def _speed(found: Sequence[tuple[int, int, dict[str, float]]]) -> Speed:
    each, byte = _fitted([(size, sum(seconds.values())) for size, _, seconds in found])
    stages = {name: sum(seconds.get(name, 0) for *_, seconds in found) for name in STAGES}
    total = sum(stages.values()) or 1.0
    return Speed(
        each,
        byte,
        stages["embed"] / max(1, sum(passages for _, passages, _ in found)),
        {name: seconds / total for name, seconds in stages.items()},
    )


def _fitted(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """The line through the points by least squares: no part of it is below nothing."""
    count = len(points)
    size, seconds = (sum(values) / count for values in zip(*points, strict=True))
    spread = sum((x - size) ** 2 for x, _ in points)
    slope = sum((x - size) * (y - seconds) for x, y in points) / spread if spread else 0.0
    if slope <= 0:
        return seconds, 0.0
    if seconds < slope * size:
        return 0.0, seconds / size
    return seconds - slope * size, slope
