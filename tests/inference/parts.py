"""What the tests of this room share: small GGUF headers, tiny wheels, a running server."""

import json
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from inference.app import ModelsApp
from inference.chat import Source
from inference.embedders import Embedders
from inference.fake import FakeEncoder, FakeEngine
from inference.protocol import Encoder, Engine, Reranker
from inference.server import listen
from inference.service import Service


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, value: str | int) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    return text(key) + struct.pack("<II", 4, value)


def gguf(*pairs: bytes, version: int = 3, count: int | None = None) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count)
    return head + b"".join(pairs)


SMALL = gguf(
    pair("general.architecture", "qwen2"),
    pair("general.name", "Small"),
    pair("general.license", "mit"),
    pair("qwen2.context_length", 2048),
    text("tokenizer.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
    text("scores") + struct.pack("<IIQ", 9, 6, 3) + struct.pack("<3f", 1, 2, 3),
    pair("tokenizer.chat_template", "{{ '<|im_start|>' }}{{ raise_exception('no') }}"),
)


def wheel(folder: Path, package: str, version: str, files: dict[str, bytes]) -> Path:
    """A wheel that pip accepts."""
    stem = f"{package.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    about = {
        f"{stem}.dist-info/METADATA": metadata.encode(),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, **about}.items():
            archive.writestr(name, content)
    return path


@contextmanager
def running(
    url: str,
    folder: Path,
    *,
    engine: Callable[[], Engine | None] = FakeEngine,
    encoder: Callable[[], Encoder] = FakeEncoder,
    load_wait: float = 60.0,
    others: Embedders | None = None,
    reranker: Callable[[], Reranker | None] = lambda: None,
    source: Source | None = None,
) -> Iterator[ModelsApp]:
    """A real server on a real socket, in a thread."""
    service = Service(
        encoder,
        engine,
        speed_file=folder / "speed.json",
        threads=1,
        others=others,
        load_reranker=reranker,
        source=source,
    )
    app = ModelsApp(service, load_wait=load_wait)
    service.start(app.metrics.generated)
    listener = listen(url)
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


def leave(url: str, path: str, body: object, when: Callable[[], bool]) -> None:
    """Ask the server at URL, a Unix socket, for PATH, and hang up without an answer once WHEN says so."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: models\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(url.removeprefix("unix:"))
        caller.sendall(head.encode() + data)
        wait_for(when)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
