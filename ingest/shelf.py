"""Keeps what was made a short time ago, in this process's memory and nowhere else, up to a size.

Not on the disk: originals lie there encrypted, and are gone for good when their key is.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager


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

    def put(self, key: Hashable, thing: object, size: int, seconds: float | None = None) -> None:
        """Keep `thing`, which takes about `size` bytes; the oldest go for it. `seconds`: less than usual."""
        with self._lock:
            self._take(key)
            until = time.monotonic() + min(self._seconds, seconds or self._seconds)
            self._held[key] = (until, size, thing)
            self._bytes += size
            self._clear()
            self._wind()

    def drop(self, whose: Callable[[Hashable], bool]) -> None:
        """Let go of what lies under keys of which `whose` is true."""
        with self._lock:
            for key in [key for key in self._held if whose(key)]:
                self._take(key)

    def empty(self) -> None:
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def _wind(self) -> None:
        """Whether anybody comes again or not, nothing stays longer."""
        if self._held and self._clock is None:
            first = min(until for until, _, _ in self._held.values())
            left = max(0.01, first - time.monotonic())
            self._clock = threading.Timer(left, self._ring)
            self._clock.daemon = True
            self._clock.start()

    def _ring(self) -> None:
        with self._lock:
            self._clock = None
            self._clear()
            self._wind()

    def _clear(self) -> None:
        now = time.monotonic()
        for key in [key for key, (until, _, _) in self._held.items() if until <= now]:
            self._take(key)
        while self._bytes > self._most:
            self._take(next(iter(self._held)))

    def _take(self, key: Hashable) -> None:
        if key in self._held:
            self._bytes -= self._held.pop(key)[1]


class Flights:
    """One thread at a time for each key: who comes second waits for what the first one makes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[threading.Lock, int]] = {}

    @contextmanager
    def alone(self, key: Hashable, seconds: float) -> Iterator[bool]:
        """Be the one for `key`: False where that took longer than `seconds`."""
        with self._lock:
            mine, waiting = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = mine, waiting + 1
        taken = mine.acquire(timeout=seconds)
        try:
            yield taken
        finally:
            if taken:
                mine.release()
            with self._lock:
                mine, waiting = self._held.pop(key)
                if waiting > 1:
                    self._held[key] = mine, waiting - 1
