"""Several OpenAI-compatible servers as one: looked at in the background, the least loaded is asked.

All of it happens in one event loop, in a thread of its own; callers get a generator. What went wrong
before the first token is tried on another replica; behind it never, since a second text would not
go on where the first ended.
"""

import asyncio
import math
import random
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from inference.asking import Asking, Limits
from inference.chunks import says_something
from inference.looking import Look
from inference.protocol import ModelsUnavailable
from inference.replica import BUSY, Replica

log = structlog.get_logger(__name__)

#: Replicas that one question is tried on.
MOST_TRIES = 3
#: How often a reader that waits comes up for air, and can leave.
_AIR_SECONDS = 0.5
#: Where none can be asked, those that were not looked at for a while are looked at once more.
_STALE_SECONDS, _HURRY_SECONDS = 1.0, 2.0
_CLOSE_SECONDS = 10.0
#: What says nothing about the server: the person left, or had given it too little time.
_BLAMELESS = frozenset({"generation-late"})

_Item = dict[str, Any] | ModelsUnavailable | None


@dataclass(eq=False, slots=True)
class _Call:
    body: dict[str, Any]
    until: float = 0.0
    begun: bool = False
    items: "SimpleQueue[_Item]" = field(default_factory=SimpleQueue)

    @property
    def model(self) -> str:
        return str(self.body["model"])


@dataclass(eq=False, slots=True)
class _Watched:
    replica: Replica
    asking: Asking
    look: Look
    #: Something changed that may bring the next look nearer, or put it off.
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    #: Somebody waits for it.
    hurried: bool = False

    def left(self, now: float) -> float:
        """Seconds until the next look."""
        due = self.replica.due()
        return (min(due, self.replica.looked + _STALE_SECONDS) if self.hurried else due) - now


class Replicas:
    """`stream` may be called by any thread."""

    def __init__(self, replicas: Sequence[Replica], limits: Limits) -> None:
        self.replicas = tuple(replicas)
        self.retries = 0
        self._limits = limits
        self._watched: list[_Watched] = []
        self._looked = threading.Event()
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="replicas", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when each was looked at once, or that time is over."""
        self._looked.wait(seconds)

    def models(self) -> dict[str, int]:
        """The models that can be asked for now, and the tokens that each holds at once; 0: unknown.

        The least of those that have it: any of them may be asked.
        """
        found: dict[str, int] = {}
        now = self._loop.time()
        for replica in self.replicas:
            for name, context in replica.facts.models.items() if replica.usable(now) else ():
                known = found.get(name, 0)
                found[name] = min(known, context) if known and context else known or context
        return found

    def describe(self) -> list[dict[str, object]]:
        now = self._loop.time()
        return [replica.describe(now) for replica in self.replicas]

    def stream(self, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The chunks of a chat completion of one of them; {} now and then while there are none.

        Raises ModelsUnavailable. Closing it closes the connection.
        """
        call = _Call(body)
        task = asyncio.run_coroutine_threadsafe(self._serve(call), self._loop)
        try:
            while True:
                try:
                    item = call.items.get(timeout=_AIR_SECONDS)
                except Empty:
                    yield {}
                    continue
                if item is None:
                    return
                if isinstance(item, ModelsUnavailable):
                    raise item
                yield item
        finally:
            task.cancel()

    def close(self) -> None:
        """A look that is under way ends first, so that no connection stays open."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(timeout=_CLOSE_SECONDS)

    # --- in the loop ------------------------------------------------------------------------------
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._watch_all())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _stop(self) -> None:
        self._closing = True
        for each in self._watched:
            each.wake.set()

    async def _watch_all(self) -> None:
        for replica in self.replicas:
            asking = Asking(replica, self._limits)
            self._watched.append(_Watched(replica, asking, Look(asking)))
        try:
            await asyncio.gather(*(self._watch(each) for each in self._watched))
        finally:
            await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})
            for each in self._watched:
                await each.asking.close()

    async def _watch(self, watched: _Watched) -> None:
        """Looks at one, never two at a time and never without a pause."""
        while not self._closing:
            await self._look(watched)
            if all(math.isfinite(each.replica.looked) for each in self._watched):
                self._looked.set()
            # Spread, so that several processes do not look all at once.
            spread = random.uniform(0.0, 0.1)  # noqa: S311
            while (left := watched.left(self._loop.time())) > 0 and not self._closing:
                watched.wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(watched.wake.wait(), left * (1 + spread))

    async def _look(self, watched: _Watched) -> None:
        replica, was = watched.replica, watched.replica.up
        watched.hurried, began = False, self._loop.time()
        try:
            facts = await watched.look.facts()
        except Exception as error:  # noqa: BLE001 - the looks must outlive one
            watched.look.forget()
            code = error.code if isinstance(error, ModelsUnavailable) else "models-odd"
            if was or not replica.misses:
                log.warning("replica_away", replica=replica.name, code=code)
            replica.looked_in_vain(self._loop.time(), code)
        else:
            replica.looked_well(self._loop.time(), facts)
            replica.look_seconds = self._loop.time() - began
            if not was:
                log.info("replica_up", replica=replica.name, models=len(facts.models))
        watched.looked.set()

    async def _serve(self, call: _Call) -> None:
        """Whatever happens, the caller hears of it."""
        try:
            call.items.put(await self._answered(call))
        except Exception as error:  # noqa: BLE001 - as above
            log.error("replicas_failed", kind=type(error).__name__)
            call.items.put(ModelsUnavailable("models-failed", "The call failed; see the log."))

    async def _answered(self, call: _Call) -> ModelsUnavailable | None:
        """None: one of them answered to the end."""
        call.until = self._loop.time() + self._limits.whole
        tried: set[Replica] = set()
        error: ModelsUnavailable | None = None
        while len(tried) < MOST_TRIES and (chosen := await self._choose(call.model, tried)):
            self.retries += bool(tried)
            tried.add(chosen.replica)
            error = await self._ask(chosen, call)
            if error is None or call.begun or error.permanent:
                return error
        return error or self._none(call.model)

    async def _choose(self, model: str, tried: set[Replica]) -> _Watched | None:
        if chosen := self._best(model, tried):
            return chosen
        if tried:
            return None
        await self._hurry()
        return self._best(model, tried)

    def _best(self, model: str, tried: set[Replica]) -> _Watched | None:
        now = self._loop.time()
        usable = [
            each
            for each in self._watched
            if each.replica not in tried and each.replica.usable(now) and each.replica.serves(model)
        ]
        return min(usable, key=lambda each: each.replica.load(), default=None)

    async def _hurry(self) -> None:
        """Have those looked at again that are away; at most once a second each."""
        now = self._loop.time()
        stale = [
            each
            for each in self._watched
            if not each.replica.up
            and now - each.replica.looked > _STALE_SECONDS
            and now >= each.replica.rest_until
        ]
        for each in stale:
            each.looked.clear()
            each.hurried = True
            each.wake.set()
        if stale:
            waits = [asyncio.create_task(each.looked.wait()) for each in stale]
            await asyncio.wait(waits, timeout=_HURRY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _ask(self, watched: _Watched, call: _Call) -> ModelsUnavailable | None:
        """None: it ended well."""
        replica, end = watched.replica, "cancelled"
        replica.begun(self._loop.time())
        try:
            await self._pass_on(watched, call)
            end = "done"
            replica.answered()
        except ModelsUnavailable as error:
            end = error.code
            if not error.permanent and error.code not in _BLAMELESS:
                replica.failed(self._loop.time(), error)
                log.warning("replica_failed", replica=replica.name, code=error.code)
                watched.wake.set()
            return error
        finally:
            replica.over(end)
        return None

    async def _pass_on(self, watched: _Watched, call: _Call) -> None:
        ended, began, spoke = False, self._loop.time(), False
        async with aclosing(watched.asking.stream(call.body, call.until)) as chunks:
            async for chunk in chunks:
                if not spoke and says_something(chunk):
                    spoke = call.begun = True
                    watched.replica.spoke(self._loop.time() - began)
                ended = ended or any(c.get("finish_reason") for c in chunk.get("choices") or [])
                call.items.put(chunk)
        if not ended:
            detail = "The model server ended in the middle of an answer. Ask again."
            raise ModelsUnavailable("models-lost", detail)

    def _none(self, model: str) -> ModelsUnavailable:
        now = self._loop.time()
        having = [replica for replica in self.replicas if replica.serves(model)]
        if not having and any(replica.usable(now) for replica in self.replicas):
            detail = "No model server that can be reached has this model."
            return ModelsUnavailable("model-unknown", detail, permanent=True)
        if any(replica.up and replica.code == BUSY for replica in having):
            detail = "All model servers are full. Ask again in a moment."
            return ModelsUnavailable("replicas-busy", detail)
        detail = "No model server can be reached now. Ask again in a moment."
        return ModelsUnavailable("replicas-away", detail)


async def _cancelled(tasks: Iterable["asyncio.Task[Any] | None"]) -> None:
    running = [task for task in tasks if task]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
