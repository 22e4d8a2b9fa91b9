"""A source as this installation opens it: gates, roots, secrets and bounds of its settings."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from django.conf import settings

from ingest.models import SyncSource
from ingest.sources import kinds, secrets
from ingest.sources.addresses import address
from ingest.sources.base import Kind, Limits, Place, Secret, SourceError


def gates(collection: object) -> frozenset[str]:
    """`host:port` of the gates that sources of this collection may use."""
    rules, found = rules_of(settings.SOURCE_GATES), dict[str, set[str]]()
    for name, where in _addresses():
        # Of two gates to one address the one that says for whom it is decides.
        if not rules or name in rules:
            found.setdefault(where, set()).update(rules.get(name, ()))
    return frozenset(where for where, only in found.items() if _is_for(collection, only))


def _addresses() -> Iterator[tuple[str, str]]:
    """Name and `host:port` of each gate of SOVEREIGN_GATES."""
    for word in settings.GATES:
        name, _, where = word.partition("=")
        host, _, port = where.rpartition(":")
        if port.isdecimal():
            yield name, address(host, int(port))


def roots(collection: object) -> tuple[Path, ...]:
    """Folders under which those of this collection may lie, unless one of `closed` lies further in."""
    rules = rules_of(settings.SOURCE_ROOTS)
    return tuple(Path(path) for path, only in rules.items() if _is_for(collection, only))


def closed(collection: object) -> tuple[Path, ...]:
    """Folders that are for other collections alone."""
    rules = rules_of(settings.SOURCE_ROOTS)
    return tuple(Path(path) for path, only in rules.items() if not _is_for(collection, only))


def rules_of(words: Iterable[str]) -> dict[str, set[str]]:
    """Of `WHAT` and `WHAT=COLLECTION-ID`: for which collections each is; none are named: for all."""
    found: dict[str, set[str]] = {}
    for word in words:
        what, _, only = word.partition("=")
        what = os.path.normpath(what)
        found.setdefault(what, set()).update({only.lower()} if only else ())
    return found


def _is_for(collection: object, only: Collection[str]) -> bool:
    return not only or str(collection).lower() in only


@contextmanager
def opened(
    source: SyncSource, *, seconds: float, beat: Callable[[], None] | None = None
) -> Iterator[Kind]:
    """Open a source for so many seconds, and close it at the end. Raises SourceError."""
    limits = Limits(
        files=settings.SOURCE_MAX_FILES,
        bytes=settings.MAX_UPLOAD_MB * 1_000_000,
        until=monotonic() + seconds,
        beat=beat,
    )
    kind = kinds.opened(source.kind, source.settings, _place(source, limits))
    try:
        yield kind
    finally:
        kind.close()


def _place(source: SyncSource, limits: Limits) -> Place:
    secret = secret_of(source)
    authorities, temporary = settings.SOURCE_CERTIFICATES, Path(settings.DATA_DIR) / "tmp"
    return Place(
        limits=limits,
        gates=gates(source.collection_id),
        roots=roots(source.collection_id),
        closed=closed(source.collection_id),
        certificates=Path(authorities) if authorities else None,
        secret=secret,
        # Emptied at each start (sovereign/launcher/walls.py).
        cache=temporary if temporary.is_dir() else None,
    )


def secret_of(source: SyncSource) -> Secret:
    """What it signs in with. Raises SourceError: those of secrets.read, `secret-unencrypted`."""
    agreed = source.settings.get("unencrypted")
    if source.credential and not agreed and kinds.in_clear(source.kind, source.settings):
        raise SourceError("secret-unencrypted")
    return secrets.read(
        settings.SOURCE_SECRETS_DIR,
        source.credential,
        address=kinds.called(source.kind, source.settings),
        collection=str(source.collection_id),
    )
