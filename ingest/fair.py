"""Whose turn it is: self-clocked fair queueing (Golestani 1994) over the rows of the database.

A flow is what one person put into one collection, on one lane. Each document that waits has a `turn`:
the later of the virtual time and the last turn of its flow, plus what it costs. Workers take the
smallest. So of 5,000 files of one flow, the first of another flow waits for one or two, not for all.

The virtual time is the turn that is being served. Nothing keeps it: the rows that are in work and
the first that waits say it, so nothing is to be repaired after a crash, and it may start again from
zero when nobody waits.
"""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from ingest.models import Document

#: The cost of a small file. One of `BYTES` more, or of `SECONDS` more work, costs twice that.
UNIT = 1_000
BYTES = 10_000_000
SECONDS = 2.0

QUICK, SLOW = Document.Lane.QUICK, Document.Lane.SLOW
#: Of PostgreSQL's advisory lock: who counts the slow ones counts alone.
_LOCK = 0x5107_1A9E

Flow = tuple[UUID | None, UUID, str]


def cost_of_bytes(size: int) -> int:
    """What a document of `size` bytes costs its flow before anything is known of it."""
    return UNIT + size * UNIT // BYTES


def cost_of_work(seconds: float) -> int:
    """What going on costs a flow whose document was worked on for so long."""
    return max(UNIT, int(seconds * UNIT / SECONDS))


def place(documents: Sequence[Document], cost: int | None = None) -> None:
    """Set the `turn` of documents that come to wait now, in this order; it is not saved.

    `cost` of each; by default by its size. Call it in the transaction that writes them.
    """
    now, last = virtual_time(), dict[Flow, int]()
    for document in documents:
        flow = (document.uploaded_by_id, document.collection_id, document.lane)
        before = last[flow] if flow in last else _last_turn(*flow)
        last[flow] = document.turn = max(now, before) + (cost or cost_of_bytes(document.bytes))


def virtual_time() -> int:
    """The turn that is served: nothing before it waits on the quick lane."""
    at_work = Document.objects.filter(status=Document.Status.PROCESSING)
    served: int | None = at_work.aggregate(Max("turn"))["turn__max"]
    first: int | None = _waiting(QUICK).aggregate(Min("turn"))["turn__min"]
    return max(served or 0, (first or 0) - UNIT, 0)


def _last_turn(person: UUID | None, collection: UUID, lane: str) -> int:
    flow = _waiting(lane).filter(uploaded_by=person, collection=collection)
    turn: int | None = flow.order_by("-turn").values_list("turn", flat=True).first()
    return turn or 0


def _waiting(lane: str) -> QuerySet[Document]:
    return Document.objects.filter(status=Document.Status.QUEUED, lane=lane)


def rested() -> QuerySet[Document]:
    """Documents that may be taken now: they wait, and not until a later time."""
    over = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    return Document.objects.filter(over, status=Document.Status.QUEUED)


def first() -> tuple[UUID, str] | None:
    """Id and lane of the document whose turn it is; None where none may be taken."""
    lanes = (QUICK, SLOW) if slow_room() else (QUICK,)
    firsts = [
        rested()
        .filter(lane=lane)
        .order_by("turn", "created_at")
        .values_list("turn", "created_at", "id", "lane")
        .first()
        for lane in lanes
    ]
    found = min((each for each in firsts if each is not None), default=None)
    return found and (found[2], found[3])


def slow_workers() -> int:
    """How many slow documents are worked on at once, over the whole installation.

    One less than a worker machine has processes, however many machines there are; at least one.
    """
    return max(1, settings.WORKER_PROCESSES - 1)


def slow_room() -> int:
    """How many more slow documents may be taken now."""
    at_work = Document.objects.filter(status=Document.Status.PROCESSING, lane=SLOW).count()
    return max(0, slow_workers() - at_work)


def lock() -> None:
    """Until the transaction ends nobody else counts slow documents. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def is_waited_for(document_id: UUID, *, called: bool = False) -> bool:
    """Whether this slow document keeps others from being read that have nobody else.

    With one worker process these are all quick ones; else slow ones of other flows, when as many
    slow ones are worked on as may be. `called`: there is something else to do.
    """
    mine = Document.objects.filter(pk=document_id, lane=SLOW).first()
    if mine is None:
        return False
    if called or (settings.WORKER_PROCESSES == 1 and rested().filter(lane=QUICK).exists()):
        return True
    of_my_flow = Q(uploaded_by=mine.uploaded_by_id, collection=mine.collection_id)
    return not slow_room() and rested().filter(lane=SLOW).exclude(of_my_flow).exists()
