"""Ask a chat model of this process from within: to try it, and to measure it.

Both end in time, so that the desk is free for what else is to be done; and sooner where somebody stops
them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Literal
from uuid import uuid4

from inference.chat import Chat
from inference.chats import Chats
from inference.deskjobs import stopped as job_stopped
from inference.errors import ModelError
from inference.generations import Generation, Timing
from inference.protocol import ChatMessage, Piece, Sampling, Speed, Usage
from inference.speed import WRITE, question

#: How long a model may take to be loaded.
LOAD_SECONDS = 600.0
#: How long a try and a measurement may take once the model is there, waiting in the line counted.
TRY_SECONDS, MEASURE_SECONDS = 120.0, 300.0
_LOOK_SECONDS = 0.05
TRIED = Sampling(max_tokens=256)

End = Literal["stop", "length", "late", "stopped"]


@dataclass(frozen=True, slots=True)
class Bound:
    """When it is given up: after `seconds`, or when `stopped` says so. `say` hears the text so far."""

    seconds: float
    stopped: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda text: None
    since: float = field(default_factory=time.monotonic)

    def end(self) -> Literal["late", "stopped"] | None:
        if self.stopped():
            return "stopped"
        return "late" if time.monotonic() > self.since + self.seconds else None


@dataclass(frozen=True, slots=True)
class Tried:
    """A text, and what it took. `end` "late" and "stopped": it was given up; a piece is taken for a token."""

    text: str
    timing: Timing
    end: End = "stop"

    @property
    def usage(self) -> Usage:
        return self.timing.usage


def within_reach(chats: Chats, name: str) -> bool:
    """Whether this process or a server that it asks can answer by a registered model of that name."""
    if chats.source and not chats.source.elsewhere:
        return True
    return name in {info.name for info in chats.infos()}


def lease(chats: Chats, name: str, stopped: Callable[[], bool] = lambda: False) -> Chat:
    """A lease on the model of that name, which is loaded beside the active one if it must be.

    Raises ModelsUnavailable, ModelError(`model-unknown`, `models-elsewhere`, `models-loading`,
    `job-stopped`).
    """
    if not within_reach(chats, name):
        if chats.source is None:
            raise ModelError("model-unknown", f"The model {name} cannot be asked here.")
        detail = (
            f"Answers come from other servers, as the settings say, and none of them has {name}."
        )
        raise ModelError("models-elsewhere", detail)
    deadline = time.monotonic() + LOAD_SECONDS
    while (chat := chats.take(name)) is None:
        if stopped():
            raise job_stopped()
        if time.monotonic() > deadline:
            raise ModelError("models-loading", f"{name} is still being loaded. Try again later.")
        time.sleep(_LOOK_SECONDS)
    return chat


def ask(
    chat: Chat,
    messages: tuple[ChatMessage, ...],
    sampling: Sampling = TRIED,
    *,
    bound: Bound,
) -> Tried:
    """In the line with everybody else, within BOUND. Raises what the engine raises."""
    pieces: SimpleQueue[Piece | Exception] = SimpleQueue()
    generation = Generation(messages, sampling, pieces.put)
    started, first, text, written = time.monotonic(), 0.0, "", 0

    def tried(end: End, usage: Usage) -> Tried:
        whole = time.monotonic() - started
        return Tried(text, Timing(usage, first or whole, whole - first, generation.alone), end)

    chat.queue.submit(generation)
    while not (given_up := bound.end()):
        try:
            item = pieces.get(timeout=_LOOK_SECONDS)
        except Empty:
            continue
        if isinstance(item, Exception):
            raise item
        if item.text:
            first, written = first or time.monotonic() - started, written + 1
            text += item.text
            bound.say(text)
        if item.finish:
            end: End = "length" if item.finish == "length" else "stop"
            return tried(end, item.usage or Usage())
    chat.queue.cancel(generation)
    return tried(given_up, Usage(completion=written))


def measure(chat: Chat, stopped: Callable[[], bool] = lambda: False) -> Speed:
    """Read and write anew, and keep the speed with the memory that the model took.

    Raises ModelError: `measured-beside` where others were answered meanwhile, `measured-late`,
    `job-stopped`.
    """
    tried = ask(chat, question(str(uuid4())), WRITE, bound=Bound(MEASURE_SECONDS, stopped))
    if tried.end == "stopped":
        raise job_stopped()
    if tried.end == "late":
        raise ModelError(
            "measured-late",
            "It did not read and write so few words in five minutes. Measure again when less goes on.",
        )
    if not tried.timing.alone:
        raise ModelError(
            "measured-beside",
            "Others were answered at the same time, so this says nothing. Measure again later.",
        )
    return chat.speeds.note(tried.timing, chat.held)
