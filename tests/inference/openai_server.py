"""A small OpenAI-compatible server on a real socket that fails in all the ways that servers fail."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.inference.parts import wait_for
from tests.live import free_port

WORDS = ("The ", "canteen ", "opens ", "at ", "noon.")

_NONSENSE = {
    "garbage": [b"data: {nonsense\n\n"],
    "form": [b'data: {"choices": [{"delta": [1]}]}\n\n'],
    "usage": [b'data: {"choices": [], "usage": {"prompt_tokens": "many"}}\n\n'],
    "huge": [b"data: " + b"x" * 65_536] * 40,
}


class OpenAIServer:
    """`fault`: what goes wrong with answers; `sick`: with looks. `asked`: the bodies that came."""

    def __init__(self, *, models: tuple[str, ...] = ("m",), kind: str = "plain") -> None:
        self.models, self.kind = models, kind
        self.fault = ""
        self.sick = ""
        self.busy = 0
        #: Seconds that one who is full asks for.
        self.rest = 1
        self.pause = 0.0
        self.key = ""
        self.asked: list[dict[str, Any]] = []
        self.looks = 0
        self.cancelled = 0
        self.url = ""
        self.elsewhere = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return None
        self._send = send
        key = dict(scope["headers"]).get(b"authorization", b"").decode()
        if self.key and key != f"Bearer {self.key}":
            return await _reply(send, {"error": {"message": "no"}}, 401)
        if scope["path"] == "/v1/chat/completions":
            body = json.loads((await receive())["body"])
            self.asked.append(body)
            return await self._chat(body, receive, send)
        return await self._look(scope["path"], send)

    async def _look(self, path: str, send: Any) -> None:
        if path == "/health":
            self.looks += 1
            if self.sick == "503":
                return await _reply(send, {"error": {"code": 503, "message": "Loading"}}, 503)
            if self.sick == "redirect":
                return await _redirect(send, self.elsewhere + "/health")
            return await _reply(send, {"status": "ok"})
        if path == "/v1/models":
            if self.sick == "garbage":
                return await _reply(send, b"<html>", kind="text/html")
            if self.sick == "huge":
                return await _reply(send, b"[" + b" " * 5_000_000 + b"]")
            listed = [{"id": name, "max_model_len": 2048} for name in self.models]
            return await _reply(send, {"object": "list", "data": listed})
        found = self._told().get(path)
        if found is None:
            return await _reply(send, {"detail": "Not Found"}, 404)
        if isinstance(found, str):
            return await _reply(send, found.encode(), kind="text/plain; version=0.0.4")
        return await _reply(send, found)

    def _told(self) -> dict[str, Any]:
        if self.kind == "vllm":
            metrics = (
                "# TYPE vllm:num_requests_running gauge\n"
                f'vllm:num_requests_running{{model_name="m",engine="0"}} {self.busy}.0\n'
                'vllm:num_requests_waiting{model_name="m",engine="0"} 1.0\n'
            )
            return {"/metrics": metrics, "/version": {"version": "0.11.0"}}
        if self.kind == "llama-server":
            slots = [{"id": n, "is_processing": n < self.busy} for n in range(3)]
            props = {
                "total_slots": 3,
                "build_info": "b6500-abc",
                "default_generation_settings": {"n_ctx": 1024},
            }
            return {"/slots": slots, "/props": props}
        return {}

    async def _chat(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        status = {"500": 500, "429": 429, "400": 400, "404": 404, "401": 401}.get(self.fault)
        if status:
            headers = [(b"retry-after", b"%d" % self.rest)] if status == 429 else []
            said = "This model's maximum context length is 10 tokens. SECRET"
            return await _reply(send, {"error": {"message": said}}, status, headers)
        if self.fault == "redirect":
            return await _redirect(send, self.elsewhere + "/v1/chat/completions")
        gone = asyncio.create_task(_until_gone(receive))
        writing = asyncio.create_task(self._write(body, send))
        done, _ = await asyncio.wait((gone, writing), return_when=asyncio.FIRST_COMPLETED)
        if writing not in done:
            self.cancelled += 1
        for task in (gone, writing):
            task.cancel()
        if writing in done and (error := writing.exception()):
            raise error
        return None

    async def _write(self, body: dict[str, Any], send: Any) -> None:
        kind = b"application/json" if self.fault == "type" else b"text/event-stream; charset=utf-8"
        start = {"type": "http.response.start", "status": 200}
        if self.fault == "silent":
            await asyncio.sleep(60)
        await send({**start, "headers": [(b"content-type", kind)]})
        await _event(send, _chunk({"role": "assistant", "content": ""}))
        for data in _NONSENSE.get(self.fault, ()):
            await _raw(send, data)
        if self.fault == "early":
            raise RuntimeError("the connection ends here")
        if self.fault == "error":
            await _event(send, {"error": {"message": "CUDA out of memory SECRET", "code": 500}})
        for number, word in enumerate(WORDS):
            await asyncio.sleep(self.pause)
            if self.fault == "half" and number == 2:
                raise RuntimeError("the connection ends here")
            if self.fault == "stuck" and number == 2:
                await asyncio.sleep(60)
            await _event(send, _chunk({"content": word}))
            await _raw(send, b": alive\n\n")
        await _event(send, _chunk({}, "stop"))
        usage = {"prompt_tokens": 7, "completion_tokens": 5}
        await _event(send, {"choices": [], "usage": usage})
        await _raw(send, b"data: [DONE]\n\n", more=False)


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


async def _event(send: Any, content: object) -> None:
    await _raw(send, b"data: " + json.dumps(content).encode() + b"\n\n")


async def _raw(send: Any, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _reply(
    send: Any,
    content: Any,
    status: int = 200,
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    kind: str = "application/json",
) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    told = [(b"content-type", kind.encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": data})


async def _redirect(send: Any, to: str) -> None:
    await _reply(send, {}, 307, [(b"location", to.encode())])


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def serving(app: OpenAIServer, port: int = 0) -> Iterator[OpenAIServer]:
    """APP on loopback, in a thread, until the end of the block; it may come back at the same port."""
    listener = socket.create_server(("127.0.0.1", port or free_port()))
    app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield app
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
