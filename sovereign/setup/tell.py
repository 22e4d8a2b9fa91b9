"""What the set-up says: numbered steps, one live line in a terminal, one sentence for an error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Without a terminal (a log file, CI) a long step writes a line this often.
SECONDS_BETWEEN_LINES = 20.0


class SetupError(Exception):
    """Ends the set-up. The message is one clear sentence that says what to do."""


class Teller:
    """Prints `[n/total] what ... how far` to standard output."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.number = 0
        self.title = ""
        self.live = sys.stdout.isatty()
        self.started = self.last_line = time.monotonic()
        self._open = False

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step; what it did is said by `done`, which the step calls itself."""
        self.number += 1
        self.title = title
        self.started = self.last_line = time.monotonic()
        if not self.live:
            self._write(f"{self._head()} ...\n")
        else:
            self.progress("")
        yield
        self._open = False

    def progress(self, how_far: str) -> None:
        """Show how far the step is. Cheap to call often."""
        now = time.monotonic()
        text = f"{self._head()} ... {how_far}"
        if self.live:
            self._write(f"\r\x1b[K{text[:110]}")
            self._open = True
        elif how_far and now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            self._write(f"{text}\n")

    def done(self, result: str) -> None:
        seconds = time.monotonic() - self.started
        took = f" ({duration(seconds)})" if seconds >= 1 else ""
        self._write(("\r\x1b[K" if self.live else "") + f"{self._head()}: {result}{took}\n")
        self._open = False

    def note(self, sentence: str) -> None:
        """A line of its own inside a step: something that the reader should know."""
        self._write(("\r\x1b[K" if self._open else "") + f"      {sentence}\n")
        self._open = False

    def close(self) -> None:
        """End a half-written live line, so that what follows starts on its own."""
        if self._open:
            self._write("\n")
            self._open = False

    def _head(self) -> str:
        return f"[{self.number}/{self.total}] {self.title}"

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
