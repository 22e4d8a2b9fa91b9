"""Where the original bytes lie: by id, never by a name that somebody chose."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from ingest.models import Document

#: Longer than any upload takes.
FORGOTTEN_AFTER = timedelta(hours=24)


def incoming_dir() -> Path:
    """Where files lie until they are taken or refused."""
    return Path(settings.MEDIA_ROOT) / "incoming"


def originals_dir() -> Path:
    return Path(settings.MEDIA_ROOT) / "originals"


def remove_leftovers() -> int:
    """Remove what crashes left: unfinished uploads, and originals that no document knows."""
    oldest = (timezone.now() - FORGOTTEN_AFTER).timestamp()
    old = [
        file
        for folder in (incoming_dir(), originals_dir())
        for file in folder.rglob("*")
        if file.is_file() and file.stat().st_mtime < oldest
    ]
    known = (
        {pk.hex for pk in Document.objects.values_list("id", flat=True).iterator()}
        if old
        else set()
    )
    leftovers = [file for file in old if file.parent == incoming_dir() or file.name not in known]
    for file in leftovers:
        file.unlink(missing_ok=True)
    return len(leftovers)
