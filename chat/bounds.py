"""What ends an answer that nobody stopped: too many of one person, or access that was taken away."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from accounts.models import User
from chat import forgotten
from ingest.access import collections_for
from ingest.claims import free_connection

#: The models write one answer at a time, for everybody: who sends a hundred holds up all others.
MOST_AT_ONCE = 8
#: Of streams that only wait for an answer that somebody else's stream writes.
MOST_FOLLOWERS = 16
CHECK_SECONDS = 1.0

_lock = threading.Lock()
_running: Counter[tuple[str, UUID]] = Counter()


@contextmanager
def place(user: UUID, kind: str, most: int) -> Iterator[bool]:
    """Take one of a person's `most` places of that kind in this process; False: all are taken."""
    key = (kind, user)
    with _lock:
        free = _running[key] < most
        _running[key] += free
    try:
        yield free
    finally:
        with _lock:
            _running[key] -= free
            if not _running[key]:
                del _running[key]


class Watch:
    """Looks once a second whether a person may still read what an answer is written from."""

    def __init__(self, user: UUID) -> None:
        self._user = user
        self._needed: set[UUID] = set()
        self._documents: set[UUID] = set()
        self._looked = time.monotonic()
        self._lost = False

    def needs(self, collections: set[UUID], documents: set[UUID]) -> None:
        """Collections and documents whose passages are shown from now on."""
        self._needed |= collections
        self._documents |= documents

    def lost(self) -> bool:
        if not self._lost and time.monotonic() - self._looked >= CHECK_SECONDS:
            self._lost = not self._may_read()
            self._looked = time.monotonic()
            free_connection()
        return self._lost

    def _may_read(self) -> bool:
        user = User.objects.filter(pk=self._user, is_active=True).first()
        if user is None or forgotten.erased(self._documents):
            return False
        return collections_for(user).filter(pk__in=self._needed).count() == len(self._needed)
