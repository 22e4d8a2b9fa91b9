"""The one meter of this process, and what each generation took, told with its pieces."""

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from functools import cache

from django.conf import settings

from inference.energy import Counter, Load, Meter, find_rapl
from inference.nvml import find_nvml
from inference.protocol import Piece, Spent

#: How often a generation that goes on says what it took so far: who stops it hears no more.
TELL_SECONDS = 1.0


@cache
def meter(*, remote: bool = False) -> Meter:
    """Of this machine, or of another one that computes for it: that one's watts are known by the setting
    alone."""
    if remote:
        return Meter(watts=settings.WATTS)
    counters: list[Counter] = [each for each in (find_rapl(), _cards()) if each]
    return Meter(counters, watts=settings.WATTS, share=Load().share)


def _cards() -> Counter | None:
    return find_nvml() if settings.GPU_LAYERS else None


def metered(
    pieces: Iterable[Piece], by: Meter, *, since: float | None = None
) -> Generator[Piece, None, None]:
    """The same pieces, and with the last, and about once a second, what it took so far.

    `since`: when it was asked for, by time.monotonic; it waited until its first piece was asked for.
    """
    started = time.monotonic()
    waited = started - since if since is not None else 0.0
    first = told = 0.0
    spending = by.begin()
    try:
        with _closing(pieces) as source:
            for piece in source:
                if not (piece.text or piece.top or piece.finish):
                    yield piece
                    continue
                now = time.monotonic()
                first = first or now
                if piece.finish or now - told >= TELL_SECONDS:
                    told = now
                    joules = by.end(spending) if piece.finish else by.look(spending)
                    spent = Spent(waited, first - started, now - first, joules, by.known)
                    piece = replace(piece, spent=spent)
                yield piece
    finally:
        by.end(spending)


def _closing(pieces: Iterable[Piece]) -> "closing[Generator[Piece, None, None]]":
    """Who stops reading stops the engine at once, whatever iterates."""

    def read() -> Generator[Piece, None, None]:
        yield from pieces

    return closing(read())
