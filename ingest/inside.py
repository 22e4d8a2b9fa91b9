"""What lies in an archive, and in the archives in it."""

from collections.abc import Iterable
from uuid import UUID

from ingest.models import Document

#: An archive in an archive in an archive in an archive.
MAX_DEPTH = 4


def inside(archives: Iterable[UUID]) -> set[UUID]:
    """Ids of all documents that were unpacked from `archives`, at any depth."""
    found: set[UUID] = set()
    level = set(archives)
    while level:
        members = Document.objects.filter(container__in=level).order_by()
        level = set(members.values_list("pk", flat=True)) - found
        found |= level
    return found


def outermost(document: Document) -> tuple[UUID, int]:
    """The archive that all of it came in, itself where it came alone, and how deep it lies there."""
    key, depth = document.pk, 0
    above = document.container_id
    while above is not None and depth <= MAX_DEPTH:
        key, depth = above, depth + 1
        above = Document.objects.filter(pk=key).values_list("container", flat=True).first()
    return key, depth
