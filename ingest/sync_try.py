"""A look at a source before it is followed: does it answer, and what would be read?"""

from dataclasses import dataclass, field

from accounts.models import User
from audit import actions
from audit.record import record
from ingest import sync_manage, sync_rows
from ingest.access import MANAGER, get_collection
from ingest.models import Collection, SyncSource
from ingest.sources.base import SourceError
from ingest.sources.names import wanted
from ingest.sync_manage import Draft, SourceRefused
from ingest.sync_place import opened
from ingest.sync_reasons import sentence

#: Of one look: a page waits for it.
SECONDS = 15.0
FILES = 2_000
EXAMPLES = 20


@dataclass
class Look:
    """`more`: there are more files than were looked at. `examples`: paths of the first to be read."""

    files: int = 0
    skipped: int = 0
    bytes: int = 0
    more: bool = False
    examples: list[str] = field(default_factory=list)


def look(user: User, collection: Collection, draft: Draft) -> Look:
    """What a run over that source would read; nothing is kept. For managers.

    Raises SourceRefused with the code of what is wrong, PermissionDenied, Http404.
    """
    found = get_collection(user, collection.pk, MANAGER)
    name = sync_manage.checked_name(draft.name or "-")
    fields = sync_manage.checked(draft)
    source = SyncSource(collection=found, kind=draft.kind, name=name, **fields)
    try:
        seen = _looked(source)
    except SourceError as error:
        _record(user, found, draft.kind, error.code)
        raise SourceRefused(error.code, sentence(error.code), "") from error
    _record(user, found, draft.kind, "")
    return seen


def _looked(source: SyncSource) -> Look:
    seen = Look()
    with opened(source, seconds=SECONDS) as kind:
        for item in kind.listing({}):
            taken = wanted(item.path, source.include, source.exclude)
            if not taken or sync_rows.place(source, item) is None:
                seen.skipped += 1
            else:
                seen.files += 1
                seen.bytes += item.size or 0
                if len(seen.examples) < EXAMPLES:
                    seen.examples.append(item.path)
            if seen.files + seen.skipped >= FILES:
                seen.more = True
                break
    return seen


def _record(user: User, collection: Collection, kind: str, code: str) -> None:
    target = ("collection", collection.pk)
    record(actions.SOURCE_TRIED, actor=user, target=target, data={"kind": kind, "code": code})
