"""Change the embedder or the rules that cut documents, without a gap.

begin -> a worker builds a second index beside the one in use (ingest/build.py) -> evaluate it ->
activate, or give up. The old one goes after a grace period (ingest/retire.py).
"""

import shutil
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from inference.client import get_client
from ingest import indexes, queue
from ingest.chunk import RULES
from ingest.models import Document, Index

#: Bytes on the disk for each byte of text (its row, and its words), and for each byte of vectors as
#: the database keeps them (there, and in Chroma with its graph).
TEXT, VECTORS = 2.5, 4.0
#: Of the free disk, what the product needs besides.
SPARE = 500_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """Documents of `total` that are in the index. `code` says why it does not go on."""

    done: int
    total: int
    code: str


def begin(user: User | None, *, embedder: str = "", switch_when_built: bool = True) -> Index:
    """Begin to build an index by today's rules; `embedder` default: that of the settings.

    `user`: an administrator; None: the command line. Raises PermissionDenied, ModelsUnavailable, and
    Problem `embedder-unknown`, `index-building` or `index-no-space`.
    """
    _require_admin(user)
    embedder = embedder or settings.EMBEDDER
    dimension = _dimension(embedder)
    _require_space(dimension)
    indexes.active()
    try:
        with transaction.atomic():
            made = Index.objects.create(
                embedder=embedder,
                chunking=RULES,
                dimension=dimension,
                created_by=user,
                switch_when_built=switch_when_built,
            )
            _record(actions.INDEX_BEGUN, user, made)
            queue.send_on_commit(queue.REINDEX, str(made.pk))
    except IntegrityError as error:
        detail = _("Another index is being built. Wait for it, or give it up.")
        raise Problem(409, "index-building", detail) from error
    return made


def activate(user: User | None, index: Index) -> bool:
    """Put an index to use that was built to be looked at first.

    False: documents came meanwhile; it is switched by itself when they are in it. Raises
    PermissionDenied, Problem `index-not-building`.
    """
    _require_admin(user)
    with transaction.atomic():
        found = _building(index)
        Index.objects.filter(pk=found.pk).update(switch_when_built=True)
        _record(actions.INDEX_CHOSEN, user, found)
    if found.built_at and indexes.switch(found):
        return True
    queue.send(queue.REINDEX, str(index.pk))
    return False


def give_up(user: User | None, index: Index) -> None:
    """End a build; what was made of it is erased. Raises PermissionDenied, Problem `index-not-building`."""
    _require_admin(user)
    with transaction.atomic():
        found = _building(index)
        # Its lease is left to run out: a worker may be writing.
        Index.objects.filter(pk=found.pk).update(
            state=Index.State.RETIRED, retired_at=timezone.now(), lease=None
        )
        _record(actions.INDEX_GIVEN_UP, user, found)


def building() -> Index | None:
    """The index that is being built, if one is."""
    return Index.objects.filter(state=Index.State.BUILDING).first()


def progress(index: Index) -> Progress:
    """How far the building of an index is."""
    ready = Document.objects.filter(status=Document.Status.READY, chunk_count__gt=0).count()
    left = indexes.missing(index).count()
    code = Index.objects.filter(pk=index.pk).values_list("error_code", flat=True).first()
    return Progress(ready - left, ready, code or "")


def stale() -> bool:
    """Whether the settings and rules of today would make another index than the one in use."""
    index = Index.objects.filter(state=Index.State.ACTIVE).first()
    return index is not None and (index.embedder, index.chunking) != (settings.EMBEDDER, RULES)


def space_needed(dimension: int) -> int:
    """Bytes on the disk that an index with vectors of this length takes, about."""
    index = indexes.active()
    sizes = index.chunks.aggregate(text=Sum(Length("text")), vectors=Sum(Length("vector")))
    scale = dimension / (index.dimension or dimension or 1)
    return int(TEXT * (sizes["text"] or 0) + VECTORS * scale * (sizes["vectors"] or 0))


def _require_space(dimension: int) -> None:
    """Where the database is elsewhere, its own disk is not seen from here."""
    need, free = space_needed(dimension), shutil.disk_usage(settings.DATA_DIR).free
    if connection.vendor == "sqlite" and need + SPARE > free:
        detail = _(
            "A second index needs about %(need)s MB, but %(free)s MB are free. Make room first."
        ) % {"need": (need + SPARE) // 10**6, "free": free // 10**6}
        raise Problem(507, "index-no-space", detail)


def _dimension(embedder: str) -> int:
    known: dict[str, int] = {each.name: each.dimension for each in get_client().embedders()}
    if embedder not in known:
        detail = _("There is no embedder of that name. These are known: %(names)s.")
        raise Problem(422, "embedder-unknown", detail % {"names": ", ".join(sorted(known))})
    return known[embedder]


def _building(index: Index) -> Index:
    found = Index.objects.select_for_update().filter(pk=index.pk).first()
    if found is None or found.state != Index.State.BUILDING:
        detail = _("This index is not being built: it is in use, replaced, or gone.")
        raise Problem(409, "index-not-building", detail)
    return found


def _require_admin(user: User | None) -> None:
    if user is not None and not (user.is_active and user.is_admin):
        raise PermissionDenied


def _record(action: str, user: User | None, index: Index) -> None:
    data = {"embedder": index.embedder, "chunking": index.chunking}
    record(action, actor=user, target=("index", index.pk), data=data)
