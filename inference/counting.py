"""How many tokens texts are, by the model that is to read them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from inference.chat import Chat
from inference.text import estimate


async def counted(
    texts: Sequence[str], lease: Awaitable[Chat], release: Callable[[Chat], None], seconds: float
) -> list[int]:
    """By the model that LEASE brings; estimated, rather too high, where it is not loaded in SECONDS.

    Whoever asks it for an answer then waits for it longer, with a word now and then.
    """
    try:
        chat = await asyncio.wait_for(lease, seconds)
    except TimeoutError:
        return [estimate(text) for text in texts]
    try:
        return await asyncio.to_thread(lambda: [chat.engine.count(text) for text in texts])
    finally:
        release(chat)
