"""What killed processes left: uploads, exports, fetched repositories and conversions that were half written,
and originals whose rows never came. Without encryption there are words of documents in it."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit import belonging
from ingest import convert, keys
from ingest.files import incoming_dir, originals_dir
from ingest.held import YOUNG, left_behind
from ingest.models import Document
from ingest.moving import files as transfers

#: An original gets its place some milliseconds before its row; older ones than the last go elsewhere
#: (files.remove_leftovers).
SETTLED, OLDEST = 10.0, 90_000.0
_ORIGINAL = re.compile(r"[0-9a-f]{32}")


def remove(young: float = YOUNG, settled: float = SETTLED) -> int:
    """Take it away. Returns how many files and folders went."""
    data = Path(settings.DATA_DIR)
    places = ((incoming_dir(), "*"), (data / "transfers", "*.*"), (data / "tmp", "git-*"))
    found = left_behind((path for folder, name in places for path in folder.glob(name)), young)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    gone = len(found) + transfers.remove_leftovers()
    return gone + _remove_orphans(settled) + convert.remove_leftovers()


def _remove_orphans(settled: float) -> int:
    """Originals whose upload ended, and that the database knows nothing of: asked after that."""
    found = left_behind(_lately(settled), 0)
    keyed = {UUID(path.name): path for path in found}
    known = set(Document.objects.filter(pk__in=keyed).values_list("pk", flat=True))
    if keyed.keys() - known and belonging.doubtful():
        return 0
    with keys.lock():
        for pk in keyed.keys() - known:
            keys.destroy(pk)
            keyed[pk].unlink(missing_ok=True)
    return len(keyed.keys() - known)


def _lately(settled: float) -> Iterator[Path]:
    now = time.time()
    for path in originals_dir().glob("*/*"):
        with suppress(OSError):
            if settled < now - path.stat().st_ctime < OLDEST and _ORIGINAL.fullmatch(path.name):
                yield path
