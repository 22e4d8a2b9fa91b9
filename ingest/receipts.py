"""Receipts of erasures: what is taken down before a document goes, what became of it, who reads that."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.record import record
from ingest import canaries
from ingest.access import MANAGER, collections_for
from ingest.bytescan import Canary
from ingest.forgetting import Forgetting, forgetting
from ingest.models import Document, Receipt

State, Reason = Receipt.State, Receipt.Reason
#: Looks that a receipt keeps.
CHECKS = 5


# --- who reads them -----------------------------------------------------------------------------


def receipts_for(user: User) -> QuerySet[Receipt]:
    """For who asked for them, and managers of the collection. Administrators see all: views/erasures.py."""
    if not user.is_active:
        return Receipt.objects.none()
    managed = collections_for(user, MANAGER).values("id")
    return Receipt.objects.filter(Q(requested_by=user) | Q(collection_id__in=managed))


def get_receipt(user: User, pk: UUID) -> Receipt:
    """Raises Http404 where there is none, or not for `user`."""
    receipt = receipts_for(user).filter(pk=pk).first()
    if receipt is None:
        raise Http404
    return receipt


def remains(receipt: Receipt) -> list[dict[str, str]]:
    """What is left of it by now and until when, in words: `what` and `until`."""
    found = []
    if receipt.state == State.REMOVING:
        found.append({"what": _("All of it, hidden from everybody"), "until": _("within minutes")})
    elif receipt.vectors_at is None and receipt.state in (State.PENDING, State.FOUND):
        until = date_format(timezone.localtime(next_proof()), "j M Y, H:i T")
        found.append({"what": _("Its vectors in the files of the vector store"), "until": until})
    if count := receipt.kept.get("answers", 0):
        what = _("%(count)d answers that quote it, under a legal hold") % {"count": count}
        found.append({"what": what, "until": _("the hold is released")})
    if count := receipt.kept.get("archives", 0):
        what = _("Exports that may hold it and were taken along before: %(count)d")
        found.append({"what": what % {"count": count}, "until": _("who has them throws them away")})
    inside = receipt.kept.get("inside")
    if inside and Document.objects.filter(pk=inside).exists():
        what = _("The archive that it was unpacked from, with it in there")
        found.append({"what": what, "until": _("the archive is erased")})
    found += _elsewhere(receipt)
    return [*found, {"what": _("Backups made before"), "until": _backups_until(receipt)}]


def _elsewhere(receipt: Receipt) -> list[dict[str, str]]:
    """Stores whose bytes nobody could look through from here."""
    seen = receipt.checks[-1].get("here", []) if receipt.checks else None
    if seen is None:
        return []
    found = []
    if "database" not in seen:
        what = _("Freed pages of PostgreSQL and its log, which no look from here can see")
        found.append({"what": what, "until": _("PostgreSQL writes over them")})
    if "vectors" not in seen:
        what = _("Files of a vector store elsewhere, which no look from here can see")
        found.append({"what": what, "until": _("its folder is cleaned there")})
    return found


def _backups_until(receipt: Receipt) -> str:
    if not settings.KEEP_BACKUPS_DAYS:
        return _("you throw them away")
    last = receipt.finished_at or receipt.requested_at
    return (last + timedelta(days=settings.KEEP_BACKUPS_DAYS)).date().isoformat()


def next_proof() -> datetime:
    """When the nightly proof begins next."""
    now = timezone.now()
    then = now.replace(hour=settings.PROOF_HOUR, minute=17, second=0, microsecond=0)
    return then if then > now else then + timedelta(days=1)


# --- what is written into them ------------------------------------------------------------------


def prepare(document: Document) -> None:
    """Take down what will be looked for, and let other rooms forget its words, while all of it is
    still there. Once: ended in the middle, nothing is removed yet."""
    with transaction.atomic():
        receipt = _open(document)
        if receipt is None or receipt.prepared_at is not None:
            return
        final = receipt.reason != Reason.REPLACED
        found = canaries.pieces(document, words=final)
        about = Forgetting(document, final, found.texts)
        forgetting.send(Receipt, about=about)
        taken = found.canaries()
        receipt.canaries = [one.stored() for one in taken]
        receipt.sought = canaries.counted(taken)
        # Exports ended when it was marked.
        receipt.removed = {**receipt.removed, **about.removed}
        receipt.kept = {**about.kept, **_inside(document)}
        receipt.prepared_at = timezone.now()
        receipt.save(update_fields=["canaries", "sought", "removed", "kept", "prepared_at"])


def _inside(document: Document) -> dict[str, str]:
    """The archive that it was unpacked from, where that stays: it is in there as before."""
    living = Document.objects.exclude(status=Document.Status.ERASING)
    pk = document.container_id
    return {"inside": str(pk)} if pk and living.filter(pk=pk).exists() else {}


def finish(document: Document, chunks: int) -> None:
    """All of it is gone but for the files of the vector store. Call it in the transaction of the end."""
    receipt = _open(document)
    if receipt is None:
        return
    receipt.finished_at = timezone.now()
    receipt.state = State.PENDING if receipt.canaries else State.REMOVED
    receipt.removed = {
        **receipt.removed,
        "files": 0 if document.original_removed_at else 1,
        "bytes": document.bytes,
        "chunks": max(chunks, document.chunk_count),
    }
    receipt.save(update_fields=["finished_at", "removed", "state"])
    write_down(receipt, receipt.requested_by, {"step": "done", **receipt.removed})


def _open(document: Document) -> Receipt | None:
    return (
        Receipt.objects.select_for_update(of=("self",))
        .select_related("requested_by")
        .filter(document_id=document.id, finished_at__isnull=True)
        .first()
    )


def sought(receipt: Receipt) -> list[Canary]:
    return [Canary.of(stored) for stored in receipt.canaries]


def judge(receipt: Receipt, check: Mapping[str, Any], places: Mapping[str, int]) -> None:
    """Write down one look through every byte: `check` says when and how much, `places` what was found.
    One that could not read every file proves nothing."""
    with transaction.atomic():
        locked = Receipt.objects.select_for_update().get(pk=receipt.pk)
        locked.checks = [*locked.checks, {**check, "found": dict(places)}][-CHECKS:]
        whole = not check["unread"]
        locked.state = State.FOUND if places else State.PROVEN if whole else State.PENDING
        if locked.state == State.PROVEN:
            locked.canaries, locked.proven_at = [], timezone.now()
        locked.save(update_fields=["checks", "state", "canaries", "proven_at"])
        record(
            actions.ERASURE_PROVEN,
            target=("document", locked.document_id),
            data={
                "receipt": str(locked.pk),
                "state": str(locked.state),
                "sought": sum(locked.sought.values()),
                "bytes": check["bytes"],
                "files": check["files"],
                "found": [f"{place}: {count}" for place, count in sorted(places.items())],
            },
        )


def write_down(receipt: Receipt, user: User | None, data: Mapping[str, str | int]) -> None:
    record(
        actions.DOCUMENT_ERASED,
        actor=user,
        target=("document", receipt.document_id),
        data={"receipt": str(receipt.id), **data},
    )


def as_json(receipt: Receipt) -> dict[str, Any]:
    """All that it says, for programs; what is looked for stays here."""
    return {
        "id": str(receipt.pk),
        "document": str(receipt.document_id),
        "collection": str(receipt.collection_id),
        "reason": receipt.reason,
        "state": receipt.state,
        "requested_at": _said(receipt.requested_at),
        "finished_at": _said(receipt.finished_at),
        "vectors_at": _said(receipt.vectors_at),
        "proven_at": _said(receipt.proven_at),
        "removed": receipt.removed,
        "kept": receipt.kept,
        "sought": receipt.sought,
        "checks": receipt.checks,
        "remains": remains(receipt),
    }


def _said(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def to_prove(*, collections: Sequence[UUID] | None = None) -> QuerySet[Receipt]:
    """Erasures that are finished and not proven yet, the oldest first."""
    found = Receipt.objects.filter(
        state__in=(State.PENDING, State.FOUND), finished_at__isnull=False
    )
    if collections is not None:
        found = found.filter(collection_id__in=collections)
    return found.order_by("finished_at")
