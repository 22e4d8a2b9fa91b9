"""A source as this installation opens it: gates, roots, secrets and bounds of its settings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings

from ingest.models import SyncSource
from ingest.sources import kinds, secrets
from ingest.sources.addresses import address
from ingest.sources.base import Kind, Limits, Place


def gates() -> frozenset[str]:
    """`host:port` of the gates that SOVEREIGN_GATES opens."""
    found = (gate.partition("=")[2].rpartition(":") for gate in settings.GATES)
    return frozenset(address(host, int(port)) for host, _, port in found if port.isdecimal())


def roots(collection: object) -> tuple[Path, ...]:
    """Folders under which those of this collection may lie."""
    pairs = (word.partition("=") for word in settings.SOURCE_ROOTS)
    named = str(collection).lower()
    return tuple(Path(path) for path, _, only in pairs if not only or only.lower() == named)


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
    called = _called(source.kind, source.settings)
    secret = secrets.read(
        settings.SOURCE_SECRETS_DIR,
        source.credential,
        address=called,
        collection=str(source.collection_id),
    )
    authorities, temporary = settings.SOURCE_CERTIFICATES, Path(settings.DATA_DIR) / "tmp"
    return Place(
        limits=limits,
        gates=gates(),
        roots=roots(source.collection_id),
        certificates=Path(authorities) if authorities else None,
        secret=secret,
        # Emptied at each start (sovereign/launcher/walls.py).
        cache=temporary if temporary.is_dir() else None,
    )


def _called(kind: str, known: dict[str, Any]) -> str:
    return kinds.called(kind, known)
