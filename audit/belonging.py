"""Whether this database is the one that the data folder belongs to.

With another one (a wrong address, an older backup) every file looks like nobody's, and cleaning up would
take away what cannot be had again.
"""

import json
from datetime import datetime, timedelta

from django.utils import timezone

from audit import checkpoints
from audit.models import Seal

#: So long after the chain contradicted the evidence somebody may still put the right database back.
DOUBT = timedelta(days=7)


def doubtful() -> bool:
    """True where the evidence of this folder tells of a chain that this database does not have.

    False where a process may not read the evidence.
    """
    try:
        return _contradicted() or _lately_contradicted(timezone.now() - DOUBT)
    except OSError:
        return False


def _contradicted() -> bool:
    file = checkpoints.head_file()
    head = checkpoints.read(file.read_bytes()) if file.exists() else None
    if head is None:
        return False
    newest = Seal.objects.order_by("-position").first()
    return newest is None or not checkpoints.is_in_chain(head, newest)


def _lately_contradicted(since: datetime) -> bool:
    file = checkpoints.conflicts_file()
    lines = file.read_bytes().splitlines() if file.exists() else []
    return any(_at(line) >= since for line in lines)


def _at(line: bytes) -> datetime:
    """When a conflict was noted; a line that nobody can read counts as now."""
    try:
        return datetime.fromisoformat(json.loads(line)["at"])
    except (ValueError, TypeError, KeyError):
        return timezone.now()
