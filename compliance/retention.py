"""How long each kind of thing is kept, and the purge that takes away what is older and proves it.

A purge works in small transactions, may be killed and run again at any time, and at its end asks the
database anew whether anything older is left. What it found goes into the record. Legal holds win.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import actions
from audit.cut import cut
from audit.models import Entry
from audit.record import record
from chat.models import Conversation, Feedback, Message
from ingest import holds
from ingest.files import remove_original
from ingest.models import Document

#: Rows of one transaction: others wait for the database meanwhile.
BATCH = 100
#: Batches of one run; what is left is taken by the next.
MOST_BATCHES = 500
#: How often a purge that left nothing is done again.
EVERY = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is kept for a time. `older` finds rows past it, held or not; 0 days: for ever."""

    name: str
    label: str | Promise
    setting: str
    older: Callable[[datetime], QuerySet[Any]]
    covered: Callable[[], Exists]
    #: Takes away all that is older and not held; returns how many rows.
    remove: Callable[["Kind", datetime], int]

    @property
    def days(self) -> int:
        return int(getattr(settings, self.setting))


@dataclass(frozen=True, slots=True)
class Applied:
    """What a purge of one kind found: older rows before, removed, kept by a hold, and left over."""

    kind: str
    days: int
    before: int
    removed: int
    held: int
    left: int

    @property
    def ok(self) -> bool:
        return self.left == 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A kind as a page shows it: its time, its last purge, and what is past its time right now."""

    kind: Kind
    last: Entry | None
    older: int
    held: int


def _old_conversations(before: datetime) -> QuerySet[Conversation]:
    working = Message.objects.filter(status__in=[Message.Status.QUEUED, Message.Status.RUNNING])
    return Conversation.objects.filter(updated_at__lt=before).exclude(
        pk__in=working.values("conversation_id")
    )


def _remove_conversations(keys: list[Any]) -> None:
    Conversation.objects.filter(pk__in=keys).delete()


def _old_feedback(before: datetime) -> QuerySet[Feedback]:
    return Feedback.objects.filter(created_at__lt=before)


def _remove_feedback(keys: list[Any]) -> None:
    Feedback.objects.filter(pk__in=keys).delete()


def _old_originals(before: datetime) -> QuerySet[Document]:
    """Of documents that are read, or cannot be: one in work still needs its original."""
    over = [Document.Status.READY, Document.Status.FAILED]
    return Document.objects.filter(
        created_at__lt=before, status__in=over, original_removed_at__isnull=True
    )


def _remove_originals(keys: list[Any]) -> None:
    """The files go before the rows say so: a kill in between costs a repetition, not a file."""
    for document in Document.objects.select_for_update().filter(pk__in=keys):
        remove_original(document)
    Document.objects.filter(pk__in=keys).update(original_removed_at=timezone.now())


def _batches(delete: Callable[[list[Any]], None]) -> Callable[[Kind, datetime], int]:
    """A `remove` in small transactions; in each of them the holds are looked at anew."""

    def remove(kind: Kind, cutoff: datetime) -> int:
        removed = 0
        for _number in range(MOST_BATCHES):
            with transaction.atomic():
                holds.stand_still()
                free = kind.older(cutoff).filter(~kind.covered()).order_by("pk")
                keys = list(free.values_list("pk", flat=True)[:BATCH])
                delete(keys)
            removed += len(keys)
            if len(keys) < BATCH:
                break
        return removed

    return remove


def _cut_record(_kind: Kind, cutoff: datetime) -> int:
    """The record is a chain: it is cut at its beginning, or not at all while anything is held."""
    made = None if holds.active().exists() else cut(cutoff)
    return made.entries if made else 0


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "conversations",
            _("Conversations: questions, answers, feedback"),
            "KEEP_CONVERSATIONS_DAYS",
            _old_conversations,
            lambda: holds.covering(user="user_id"),
            _batches(_remove_conversations),
        ),
        Kind(
            "feedback",
            _("Feedback on answers"),
            "KEEP_FEEDBACK_DAYS",
            _old_feedback,
            lambda: holds.covering(user="message__conversation__user_id"),
            _batches(_remove_feedback),
        ),
        Kind(
            "originals",
            _("Originals of uploads; their passages stay"),
            "KEEP_ORIGINALS_DAYS",
            _old_originals,
            holds.covered_document,
            _batches(_remove_originals),
        ),
        Kind(
            "record",
            _("The record"),
            "KEEP_RECORD_DAYS",
            lambda before: Entry.objects.filter(at__lt=before),
            lambda: Exists(holds.active()),
            _cut_record,
        ),
    )
}


def purge(kind: Kind) -> Applied | None:
    """Take away what is past its time, check that nothing is left, and record both.

    None where the kind is kept for ever. May run twice at once: each row goes once. Not inside a
    transaction: what is removed stays removed.
    """
    if not kind.days:
        return None
    cutoff = timezone.now() - timedelta(days=kind.days)
    before = kind.older(cutoff).count()
    removed = kind.remove(kind, cutoff)
    older = kind.older(cutoff)
    left = older.filter(~kind.covered()).count()
    applied = Applied(kind.name, kind.days, before, removed, older.count() - left, left)
    _record(applied, cutoff)
    return applied


def purge_all() -> list[Applied]:
    """Purge every kind that has a time."""
    return [applied for kind in KINDS.values() if (applied := purge(kind))]


def due(kind: Kind) -> bool:
    """Whether a purge is due: none for a day, the last left something, or the time was changed."""
    last = _last(kind)
    if last is None or timezone.now() - last.at > EVERY:
        return bool(kind.days)
    return bool(kind.days) and (not last.data["ok"] or last.data["days"] != kind.days)


def standing() -> list[Standing]:
    """Every kind as it is now."""
    return [_standing(kind) for kind in KINDS.values()]


def _standing(kind: Kind) -> Standing:
    last = _last(kind)
    if not kind.days:
        return Standing(kind, last, 0, 0)
    older = kind.older(timezone.now() - timedelta(days=kind.days))
    return Standing(kind, last, older.count(), older.filter(kind.covered()).count())


def _last(kind: Kind) -> Entry | None:
    entries = Entry.objects.filter(
        action=actions.RETENTION_APPLIED, target_type="retention", target_id=kind.name
    )
    return entries.order_by("-id").first()


def _record(applied: Applied, cutoff: datetime) -> None:
    record(
        actions.RETENTION_APPLIED,
        target=("retention", applied.kind),
        data={
            "days": applied.days,
            "cutoff": cutoff.isoformat(timespec="seconds"),
            "before": applied.before,
            "removed": applied.removed,
            "held": applied.held,
            "left": applied.left,
            "ok": applied.ok,
        },
    )
