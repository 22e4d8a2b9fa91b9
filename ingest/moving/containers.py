"""What was unpacked from what, as the archive of a collection says: from archives alone, and in no circle.

Whoever erases an archive erases what was in it: a plain document that is named as one would take others
along.
"""

from collections.abc import Mapping
from uuid import UUID

from ingest.inside import MAX_DEPTH
from ingest.models import Document
from ingest.moving.archive import ArchiveError
from ingest.moving.taking import Taking
from ingest.parsers.registry import ZIP

BATCH = 500


def links(work: Taking) -> dict[UUID, UUID]:
    """Of documents that were unpacked: the archive that each was in.

    What failed there and is no archive by the rules here is left out; its files come without it. Raises
    ArchiveError `archive-content` for all else that is none.
    """
    said = {pk: work.known[number] for pk, number in work.inside.items() if number in work.known}
    archives = set[UUID]()
    named = sorted(set(said.values()))
    for start in range(0, len(named), BATCH):
        for row in Document.objects.filter(pk__in=named[start : start + BATCH]):
            if row.media_type == ZIP and not row.chunk_count:
                archives.add(row.pk)
            elif row.status != Document.Status.FAILED:
                raise ArchiveError("archive-content")
    found = {pk: above for pk, above in said.items() if above in archives}
    _require_depth(found)
    return found


def _require_depth(found: Mapping[UUID, UUID]) -> None:
    for pk in found:
        above, depth = found.get(pk), 0
        while above is not None:
            above, depth = found.get(above), depth + 1
            if depth > MAX_DEPTH:
                raise ArchiveError("archive-content")
