"""Keeps what was made a short time ago, in this process's memory and nowhere else, up to a size.

Not on the disk: originals lie there encrypted, and are gone for good when their key is.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable


class Shelf:
    """The newest `most_bytes` of what was put here within `seconds`. For several threads."""

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most, self._seconds = most_bytes, seconds
        self._held: OrderedDict[Hashable, tuple[float, int, object]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._clock: threading.Timer | None = None

    def get(self, key: Hashable) -> object | None:
        """What lies there, or None."""
        with self._lock:
            self._clear()
            found = self._held.get(key)
            return found[2] if found else None

    def put(self, key: Hashable, thing: object, size: int) -> None:
        """Keep `thing`, which takes about `size` bytes; the oldest go for it."""
        with self._lock:
            self._take(key)
            self._held[key] = (time.monotonic() + self._seconds, size, thing)
            self._bytes += size
            self._clear()
            self._wind()

    def empty(self) -> None:
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def _wind(self) -> None:
        """Whether anybody comes again or not, nothing stays longer."""
        if self._held and self._clock is None:
            self._clock = threading.Timer(self._seconds, self._ring)
            self._clock.daemon = True
            self._clock.start()

    def _ring(self) -> None:
        with self._lock:
            self._clock = None
            self._clear()
            self._wind()

    def _clear(self) -> None:
        now = time.monotonic()
        while self._held:
            key, (until, _, _) = next(iter(self._held.items()))
            if until > now and self._bytes <= self._most:
                return
            self._take(key)

    def _take(self, key: Hashable) -> None:
        if key in self._held:
            self._bytes -= self._held.pop(key)[1]
