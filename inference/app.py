"""The models process over HTTP: OpenAI's wire format, as a small ASGI application.

POST /v1/chat/completions, /v1/embeddings (`input_type`: query or passage), /tokenize-count,
/v1/rerank in the form of Cohere and Jina, with `seconds`;
GET /v1/models, /v1/embedders, /health, /metrics; POST /desk/ACTION (desk.py).
Errors are OpenAI's error objects with stable codes.
"""

import asyncio
import math
import time
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

import structlog

from inference.call import Call, Disconnected, Receive, Send, until_gone
from inference.chat import Chat
from inference.completions import stream, whole
from inference.counting import counted
from inference.desk import Desk
from inference.errors import ModelError, PromptTooLong
from inference.generations import Generation
from inference.jobs import EmbeddingQueue
from inference.metrics import Metrics
from inference.protocol import ModelsUnavailable, Piece
from inference.replica_metrics import ReplicaCollector
from inference.requests import (
    BadRequest,
    ChatRequest,
    RerankRequest,
    read_chat,
    read_embedding,
    read_model,
    read_rerank,
    read_texts,
)
from inference.results import KEEP_ALIVE_SECONDS, deliver, late, next_piece
from inference.service import Service

log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[None]]

#: A request that comes while the models load waits this long before it is told to come back.
LOAD_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.02
#: Before the name of an action of the desk.
DESK = "/desk/"


class ModelsApp:
    """The ASGI application of one Service."""

    def __init__(
        self, service: Service, *, load_wait: float = LOAD_WAIT_SECONDS, desk: Desk | None = None
    ) -> None:
        """`desk`: what administrators do, where nobody but this account can call."""
        self._service, self._load_wait, self._desk = service, load_wait, desk
        self.metrics = Metrics()
        self.metrics.registry.register(ReplicaCollector(service.replicas))
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/health"): self._health,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/v1/models"): self._models,
            ("GET", "/v1/embedders"): self._embedders,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/embeddings"): self._embed,
            ("POST", "/v1/rerank"): self._rerank,
            ("POST", "/tokenize-count"): self._count,
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = Call(receive, send)
        handler = self._routes.get((scope["method"], scope["path"])) or self._at_desk(scope)
        try:
            if handler is None:
                raise BadRequest("not-found", "There is no such call here.", 404)
            await handler(call)
        except Disconnected:
            return
        except BadRequest as error:
            await call.error(error.status, error.code, error.detail)
        except PromptTooLong as error:
            sizes = {"tokens": error.tokens, "context": error.context}
            await call.error(400, error.code, error.detail, **sizes)
        except ModelsUnavailable as error:
            await call.error(503, error.code, error.detail, permanent=error.permanent)
        except ModelError as error:
            await call.error(500, error.code, error.detail)
        except Exception:
            log.exception("call_failed", path=scope["path"])
            await call.error(
                500, "models-failed", "The models process failed at this; see its log."
            )

    def _at_desk(self, scope: MutableMapping[str, Any]) -> Handler | None:
        """POST /desk/ACTION."""
        path, desk = scope["path"], self._desk
        if desk is None or scope["method"] != "POST" or not path.startswith(DESK):
            return None

        async def handle(call: Call) -> None:
            body = await call.body()
            try:
                found = await asyncio.to_thread(desk.handle, path.removeprefix(DESK), body)
            except ModelError as error:
                raise BadRequest(error.code, error.detail) from error
            await call.json(found)

        return handle

    async def _health(self, call: Call) -> None:
        await call.json(self._service.health())

    async def _metrics(self, call: Call) -> None:
        self.metrics.look(self._service.generations)
        await call.start(200, "text/plain; version=0.0.4; charset=utf-8")
        await call.write(self.metrics.text(), more=False)

    async def _models(self, call: Call) -> None:
        if self._service.chat.state == "loading":
            await self._ready(self._service.chat)
        await call.json({"object": "list", "data": self._service.models()})

    async def _count(self, call: Call) -> None:
        """By the tokenizer of the chat model that is named, else of the active one; by the embedder's
        where there is none."""
        body = await call.body()
        texts, name = read_texts(body), read_model(body)
        await self._ready(self._service.embedder)
        if self._service.engine:
            await self._known(name)
            release, seconds = self._service.chats.release, self._load_wait
            counts = await counted(texts, self._lease(name), release, seconds)
        else:
            encoder = self._service.encoder
            assert encoder is not None  # noqa: S101 - it is ready
            counts = await asyncio.to_thread(lambda: [encoder.count(text) for text in texts])
        await call.json({"counts": counts})

    async def _known(self, name: str) -> None:
        """Raises BadRequest(`model-unknown`)."""
        if not await asyncio.to_thread(self._service.chats.has, name):
            names = ", ".join(model["id"] for model in self._service.models())
            raise BadRequest("model-unknown", f"The models that can be asked here: {names}.", 404)

    async def _lease(self, name: str) -> Chat:
        while (chat := self._service.chats.take(name)) is None:
            self._service.chat.wait(0)
            await asyncio.sleep(_LOOK_SECONDS)
        return chat

    async def _embed(self, call: Call) -> None:
        asked = read_embedding(await call.body())
        queue, name = await self._embedder(asked.model)
        vectors = await asyncio.wrap_future(queue.submit(asked.texts, query=asked.query))
        self.metrics.embedded.labels("query" if asked.query else "passage").inc(len(asked.texts))
        rows = [
            {"object": "embedding", "index": i, "embedding": row}
            for i, row in enumerate(vectors.tolist())
        ]
        await call.json({"object": "list", "model": name, "data": rows})

    async def _rerank(self, call: Call) -> None:
        """All scores in time, or none."""
        asked = read_rerank(await call.body())
        end = "failed"
        try:
            scores = await self._reranked(call, asked)
            end = "done"
        except (ModelsUnavailable, Disconnected) as error:
            end = error.code if isinstance(error, ModelsUnavailable) else "cancelled"
            raise
        finally:
            self.metrics.rerankings.labels(end).inc()
        best = sorted(range(len(scores)), key=lambda i: -scores[i])
        results = [{"index": i, "relevance_score": scores[i]} for i in best]
        found = self._service.cross_encoder
        name = found.name if found else ""
        await call.json({"object": "list", "model": name, "results": results})

    async def _reranked(self, call: Call, asked: RerankRequest) -> list[float]:
        # Never waited for: who asks would have its answer sooner without.
        self._service.reranker.wait(0)
        queue, found = self._service.rerankings, self._service.cross_encoder
        assert queue is not None and found is not None  # noqa: S101 - it is ready
        if asked.model not in ("", found.name):
            raise BadRequest("model-unknown", f"The reranker here is {found.name}.", 404)
        work = queue.submit(asked.query, asked.texts, asked.seconds)
        scores = asyncio.wrap_future(work.result)
        gone = asyncio.create_task(until_gone(call.receive))
        try:
            await asyncio.wait((scores, gone), return_when=FIRST_COMPLETED)
            if not scores.done():
                raise Disconnected
            return scores.result()
        finally:
            work.cancelled.set()
            scores.cancel()
            gone.cancel()

    async def _embedder(self, wanted: str) -> tuple[EmbeddingQueue, str]:
        if not self._service.is_default(wanted):
            return await asyncio.to_thread(self._service.others.queue, wanted), wanted
        await self._ready(self._service.embedder)
        queue, encoder = self._service.embeddings, self._service.encoder
        assert queue is not None and encoder is not None  # noqa: S101 - it is ready
        return queue, encoder.name

    async def _embedders(self, call: Call) -> None:
        await call.json({"object": "list", "data": self._service.embedders()})

    async def _chat(self, call: Call) -> None:
        asked = read_chat(await call.body())
        await self._ready(self._service.chat)
        await self._known(asked.model)
        listed = self._service.models()
        name = asked.model or (listed[0]["id"] if listed else "")
        pieces = self._generate(call, asked)
        try:
            if asked.stream:
                await stream(call, pieces, name)
            else:
                await whole(call, pieces, name)
        finally:
            await pieces.aclose()

    async def _generate(self, call: Call, asked: ChatRequest) -> AsyncGenerator[Piece | int, None]:
        """Pieces, and between them, while there are none, the number of those ahead.

        While the model is loaded, or another is put in its place, it is waited for.
        """
        deadline = time.monotonic() + asked.seconds if asked.seconds else math.inf
        gone = asyncio.create_task(until_gone(call.receive))
        lease = asyncio.create_task(self._lease(asked.model))
        try:
            while not lease.done():
                left = deadline - time.monotonic()
                seconds = max(0.0, min(KEEP_ALIVE_SECONDS, left))
                await asyncio.wait((lease, gone), timeout=seconds, return_when=FIRST_COMPLETED)
                if gone.done():
                    raise Disconnected
                if lease.done():
                    break
                if left <= KEEP_ALIVE_SECONDS:
                    raise late()
                yield self._service.queue_length()
            async with aclosing(self._written(asked, lease.result(), deadline, gone)) as pieces:
                async for item in pieces:
                    yield item
        finally:
            gone.cancel()
            if not lease.cancel() and not lease.cancelled() and not lease.exception():
                self._service.chats.release(lease.result())

    async def _written(
        self, asked: ChatRequest, chat: Chat, deadline: float, gone: asyncio.Task[None]
    ) -> AsyncGenerator[Piece | int, None]:
        queue = chat.queue
        loop, results = asyncio.get_running_loop(), asyncio.Queue[Piece | Exception]()
        generation = Generation(
            asked.messages,
            asked.sampling,
            lambda item: deliver(loop, results, item),
            asked.asker,
        )
        gone.add_done_callback(lambda _: queue.cancel(generation))
        gone.add_done_callback(lambda _: results.put_nowait(Disconnected()))
        end = "cancelled"
        queue.submit(generation)
        self._service.make_way()
        try:
            while True:
                item = await next_piece(results, deadline)
                if item is None:
                    yield queue.ahead(generation)
                    continue
                if isinstance(item, Exception):
                    end = "cancelled" if isinstance(item, Disconnected) else "failed"
                    raise item
                end = item.finish or end
                yield item
                if item.finish:
                    return
        finally:
            queue.cancel(generation)
            self.metrics.generations.labels(end).inc()

    async def _ready(self, slot: Any) -> None:
        """Wait for a model that loads, without holding up the other calls."""
        deadline = time.monotonic() + self._load_wait
        while slot.state == "loading" and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        slot.wait(0)
