"""What managers do with sources. Each change: permission, transaction, record, one result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import forgotten, queue
from ingest.access import MANAGER, collections_for, get_collection
from ingest.guard import safe_name
from ingest.models import Collection, SourceItem, SyncSource
from ingest.sources import kinds, names
from ingest.sync_reasons import sentence

MOST_MINUTES = 10_080
#: Cycles without success after which a page warns.
STALE = 3


class SourceRefused(Problem):
    """A source cannot be made so. `extra["field"]`: which field is wrong."""

    def __init__(self, code: str, detail: str | Promise, name: str) -> None:
        super().__init__(422, code, detail, extra={"field": name})


@dataclass(frozen=True, slots=True)
class Draft:
    """A source as a person describes it. `credential`: the name of a secret file, or ""."""

    kind: str
    name: str
    settings: dict[str, Any]
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    minutes: int = 15
    credential: str = ""


def sources_of(user: User, collection: Collection) -> QuerySet[SyncSource]:
    """The sources of a collection. For managers. Raises Http404, PermissionDenied."""
    return get_collection(user, collection.pk, MANAGER).sync_sources.all()


def get_source(user: User, pk: UUID | str) -> SyncSource:
    """For managers of its collection. Raises Http404 where `user` may not read that, PermissionDenied."""
    readable = collections_for(user)
    found = SyncSource.objects.select_related("collection").filter(pk=pk, collection__in=readable)
    source = found.first()
    if source is None:
        raise Http404
    get_collection(user, source.collection_id, MANAGER)
    return source


def is_stale(source: SyncSource) -> bool:
    """Whether it was not read well for longer than three cycles."""
    since = source.last_success_at or source.created_at
    return not source.paused and timezone.now() - since > timedelta(minutes=STALE * source.minutes)


def checked(draft: Draft) -> dict[str, Any]:
    """The fields of a source. Raises SourceRefused."""
    try:
        settings = kinds.checked(draft.kind, draft.settings)
    except kinds.BadSettings as error:
        detail = _("Enter this field as its description says.")
        raise SourceRefused("bad-source-settings", detail, error.field) from None
    if not 1 <= draft.minutes <= MOST_MINUTES:
        detail = _("Read the source every 1 to 10,080 minutes.")
        raise SourceRefused("bad-source-settings", detail, "minutes")
    if draft.credential and not kinds.bare_name(draft.credential):
        detail = _("Enter the name of a secret file, without its folder.")
        raise SourceRefused("bad-source-settings", detail, "credential")
    return {
        "settings": _agreed(draft, settings),
        "include": _patterns(draft.include, "include"),
        "exclude": _patterns(draft.exclude, "exclude"),
        "minutes": draft.minutes,
        "credential": draft.credential,
    }


def _agreed(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings; that a secret may be told unencrypted is kept only where it is told so."""
    if "unencrypted" not in settings:
        return settings
    if draft.credential and not kinds.signs_in(draft.kind, settings):
        detail = _("git:// knows no accounts. Use https://, or leave the secret file empty.")
        raise SourceRefused("bad-source-settings", detail, "credential")
    needed = bool(draft.credential) and kinds.in_clear(draft.kind, settings)
    if needed and not settings["unencrypted"]:
        code = "secret-unencrypted"
        raise SourceRefused(code, sentence(code), "unencrypted")
    return settings | {"unencrypted": needed}


def _patterns(words: Iterable[str], name: str) -> list[str]:
    try:
        return names.patterns(words)
    except names.BadPattern:
        detail = _("Use at most 50 patterns of at most 200 letters and 6 stars each.")
        raise SourceRefused("bad-patterns", detail, name) from None


def checked_name(name: str) -> str:
    """The name of a source, which is a folder of its collection. Raises SourceRefused."""
    kept = " ".join(name.split())
    if not kept or len(kept) > 80 or "/" in kept or safe_name(kept) != kept:
        detail = _("Give the source a name of 1 to 80 letters that a folder can have.")
        raise SourceRefused("bad-source-name", detail, "name")
    return kept


def create(user: User, collection: Collection, draft: Draft) -> SyncSource:
    """Follow a source from now on. For managers. Raises SourceRefused, PermissionDenied, Http404."""
    get_collection(user, collection.pk, MANAGER)
    fields, name = checked(draft), checked_name(draft.name)
    try:
        with transaction.atomic():
            found = get_collection(user, collection.pk, MANAGER)
            source = SyncSource.objects.create(
                collection=found, kind=draft.kind, name=name, created_by=user, **fields
            )
            _record(actions.SOURCE_CREATED, user, source, {"kind": source.kind, **_said(source)})
            queue.send_on_commit(queue.SYNC, str(source.pk))
    except IntegrityError:
        detail = _("The collection has a source of this name already.")
        raise SourceRefused("source-name-taken", detail, "name") from None
    return source


def change(user: User, source: SyncSource, draft: Draft) -> SyncSource:
    """Change everything but kind and name; the next run, which comes at once, compares anew."""
    fields = checked(draft)
    with transaction.atomic():
        found = get_source(user, source.pk)
        for name, value in fields.items():
            setattr(found, name, value)
        found.state, found.deletions_allowed, found.next_at = {}, 0, timezone.now()
        changed = [*fields, "state", "deletions_allowed", "next_at"]
        found.save(update_fields=changed)
        _record(actions.SOURCE_CHANGED, user, found, {"settings": True, **_said(found)})
        queue.send_on_commit(queue.SYNC, str(found.pk))
    return found


def pause(user: User, source: SyncSource, paused: bool) -> SyncSource:
    """Stop following it, at once, or go on."""
    with transaction.atomic():
        found = get_source(user, source.pk)
        if found.paused != paused:
            found.paused, found.next_at = paused, timezone.now()
            found.save(update_fields=["paused", "next_at"])
            _record(actions.SOURCE_CHANGED, user, found, {"paused": paused})
    return found


def run_now(user: User, source: SyncSource) -> SyncSource:
    """Read it as soon as a worker is free. Raises Problem `source-paused`."""
    with transaction.atomic():
        found = get_source(user, source.pk)
        _require_running(found)
        found.next_at = timezone.now()
        found.save(update_fields=["next_at"])
        _record(actions.SOURCE_CHANGED, user, found, {"now": True})
        queue.send_on_commit(queue.SYNC, str(found.pk))
    return found


def _require_running(source: SyncSource) -> None:
    if source.paused:
        detail = _("The source is paused. Let it go on first.")
        raise Problem(409, "source-paused", detail)


def allow_deletions(user: User, source: SyncSource, count: int) -> SyncSource:
    """Let as many documents go as wait. Raises Problem `deletions-changed` where that is another number."""
    with transaction.atomic():
        found = get_source(user, source.pk)
        if not count or found.deletions_waiting != count:
            detail = _("Another number of deletions waits by now. Look again.")
            raise Problem(409, "deletions-changed", detail)
        found.deletions_allowed, found.next_at = count, timezone.now()
        found.save(update_fields=["deletions_allowed", "next_at"])
        _record(actions.SOURCE_CONFIRMED, user, found, {"documents": count})
        queue.send_on_commit(queue.SYNC, str(found.pk))
    return found


def take_again(user: User, source: SyncSource, item: int) -> SourceItem:
    """Take in again what a person erased here. Raises Http404 where it is not left out."""
    with transaction.atomic():
        found = get_source(user, source.pk)
        row = found.items.select_for_update().filter(pk=item, left_out=True).first()
        if row is None:
            raise Http404
        place = f"{row.path}/{row.name}"
        forgotten.allow(found.collection_id, row.sha256, place)
        row.left_out, row.version, row.sha256 = False, "", ""
        row.save(update_fields=["left_out", "version", "sha256"])
        SyncSource.objects.filter(pk=found.pk).update(next_at=timezone.now())
        _record(actions.SOURCE_CHANGED, user, found, {"taken_again": 1})
        queue.send_on_commit(queue.SYNC, str(found.pk))
    return row


def remove(user: User, source: SyncSource) -> None:
    """Follow it no longer. Its documents stay, as if somebody had uploaded them."""
    with transaction.atomic():
        found = get_source(user, source.pk)
        data = {"documents": found.items.exclude(document=None).count()}
        _record(actions.SOURCE_REMOVED, user, found, data)
        found.delete()


def _said(source: SyncSource) -> dict[str, int]:
    """Whether somebody agreed that its password is sent unencrypted."""
    return {"unencrypted": True} if source.settings.get("unencrypted") else {}


def _record(action: str, user: User, source: SyncSource, data: Mapping[str, str | int]) -> None:
    record(
        action,
        actor=user,
        target=("source", source.pk),
        data={"collection": str(source.collection_id), **data},
    )
