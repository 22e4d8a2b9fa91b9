"""Bytes of tokens to text that can be shown: whole characters, nothing of a stop string."""

import codecs
from collections.abc import Sequence


class TextFilter:
    """Feed it the bytes of each token; it gives the text that is safe to show.

    A character may be split over tokens, and a stop string over many: what could still become one
    is held back. After `stopped` is True nothing more comes out.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def feed(self, data: bytes) -> str:
        return self._take(self._decoder.decode(data))

    def flush(self) -> str:
        """What was held back at the end, when no stop string came of it."""
        text = self._take(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return text if self.stopped else text + held

    def _take(self, text: str) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def estimate(text: str) -> int:
    """Tokens of a text, where no tokenizer can be asked: rather too many than too few."""
    return (len(text.encode()) + 2) // 3


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of TEXT that is a beginning of STOP."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
