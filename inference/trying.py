"""Ask a chat model of this process from within: to try it, and to measure it."""

import time
from dataclasses import dataclass
from queue import SimpleQueue
from uuid import uuid4

from inference.chat import Chat
from inference.chats import Chats
from inference.errors import ModelError
from inference.generations import Generation, Timing
from inference.protocol import ChatMessage, Piece, Sampling, Speed, Usage
from inference.speed import WRITE, question

#: How long a model may take to be loaded.
LOAD_SECONDS = 600.0
_LOOK_SECONDS = 0.05
TRIED = Sampling(max_tokens=256)


@dataclass(frozen=True, slots=True)
class Tried:
    """A text, and what it took."""

    text: str
    timing: Timing

    @property
    def usage(self) -> Usage:
        return self.timing.usage


def lease(chats: Chats, name: str, seconds: float = LOAD_SECONDS) -> Chat:
    """A lease on the model of that name, which is loaded beside the active one if it must be.

    Raises ModelsUnavailable, ModelError(`model-unknown`, `models-loading`).
    """
    if chats.source is None and not chats.has(name):
        raise ModelError("model-unknown", f"The model {name} cannot be asked here.")
    deadline = time.monotonic() + seconds
    while (chat := chats.take(name)) is None:
        if time.monotonic() > deadline:
            raise ModelError("models-loading", f"{name} is still being loaded. Try again later.")
        time.sleep(_LOOK_SECONDS)
    return chat


def ask(chat: Chat, messages: tuple[ChatMessage, ...], sampling: Sampling = TRIED) -> Tried:
    """In the line with everybody else. Raises what the engine raises."""
    pieces: SimpleQueue[Piece | Exception] = SimpleQueue()
    generation = Generation(messages, sampling, pieces.put)
    started, first, text = time.monotonic(), 0.0, ""
    chat.queue.submit(generation)
    while True:
        item = pieces.get()
        if isinstance(item, Exception):
            raise item
        if item.text and not first:
            first = time.monotonic() - started
        text += item.text
        if item.finish:
            whole = time.monotonic() - started
            usage = item.usage or Usage()
            return Tried(text, Timing(usage, first or whole, whole - first, generation.alone))


def measure(chat: Chat) -> Speed:
    """Read and write anew, and keep the speed with the memory that the model took.

    Raises ModelError(`measured-beside`) where others were answered meanwhile.
    """
    tried = ask(chat, question(str(uuid4())), WRITE)
    if not tried.timing.alone:
        raise ModelError(
            "measured-beside",
            "Others were answered at the same time, so this says nothing. Measure again later.",
        )
    return chat.speeds.note(tried.timing, chat.held)
