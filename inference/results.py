"""From the thread that writes to the stream that is read, piece by piece."""

import asyncio
import time
from typing import Any

from inference.protocol import ModelsUnavailable, Piece

#: While nothing is written yet a stream says at this interval that it is alive, and its place.
KEEP_ALIVE_SECONDS = 1.0

Results = asyncio.Queue[Piece | Exception]


async def next_piece(results: Results, deadline: float) -> Piece | Exception | None:
    """None where nothing came for a moment, an exception once the time is over."""
    left = deadline - time.monotonic()
    try:
        return await asyncio.wait_for(results.get(), max(0.0, min(KEEP_ALIVE_SECONDS, left)))
    except TimeoutError:
        return late() if left <= KEEP_ALIVE_SECONDS else None


def late() -> ModelsUnavailable:
    """For whoever gave a deadline."""
    return ModelsUnavailable(
        "generation-late", "The answer took longer than it was given. Ask again when less goes on."
    )


def deliver(loop: asyncio.AbstractEventLoop, results: Results, item: Any) -> None:
    """Called in the queue's thread, perhaps after the process began to stop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(results.put_nowait, item)
