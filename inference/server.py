"""`python -m inference.server`: the one process that owns the weights.

Listens on settings.MODELS_URL (a Unix socket of mode 600, or loopback) at once, and loads the
models beside it. Reads settings and no table.
"""

import os
import signal
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings
from django.utils.log import configure_logging

from inference.app import ModelsApp
from inference.embedders import Embedders
from inference.protocol import ModelsUnavailable
from inference.service import Service
from inference.wire import check_address

#: The kernel takes no longer path for a Unix socket.
_MAX_SOCKET_PATH = 107
#: Long enough for the answers that are being written to see that they are cancelled.
_STOP_SECONDS = 3


class CannotListen(Exception):
    """A sentence that says why, and what to do."""


def listen(url: str) -> socket.socket:
    """A bound socket for URL (`unix:PATH`, `http://HOST:PORT`). Raises CannotListen."""
    if url.startswith("unix:"):
        return _listen_unix(Path(url.removeprefix("unix:")))
    try:
        check_address(url, settings.ALLOWED_ADDRESSES)
    except ModelsUnavailable as error:
        raise CannotListen(error.detail) from error
    parts = urlsplit(url)
    try:
        return socket.create_server((parts.hostname or "", parts.port or 80), backlog=128)
    except OSError as error:
        raise CannotListen(f"{url} cannot be used: {error.strerror}.") from error


def _listen_unix(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise CannotListen(
            f"{path} is too long for a Unix socket: set SOVEREIGN_DATA_DIR to a shorter folder."
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # uvicorn would make it readable for everyone: bound here, for its owner alone from the start.
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        raise CannotListen(f"{path} cannot be made: {error.strerror}.") from error
    finally:
        os.umask(before)
    listener.listen(128)
    return listener


def _clear(path: Path) -> None:
    """Take away what a killed process left; refuse where a living one listens."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise CannotListen(f"{path} is not a socket: move it away.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise CannotListen(f"A models process runs already at {path}.")


def serve(app: ModelsApp, listener: socket.socket) -> None:
    """Run until a signal to stop."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_STOP_SECONDS,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")  # noqa: TID251
    # The settings and the logs, not the applications: this process has no tables.
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    from inference.choose import (
        known_embedders,
        load_encoder,
        load_engine,
        load_reranker,
        threads,
    )
    from inference.own_desk import desk_of, here

    try:
        listener = listen(settings.MODELS_URL)
    except CannotListen as error:
        sys.stderr.write(f"{error}\n")
        return 1
    speed_file = settings.MODELS_DIR / "speed.json"
    others = Embedders(load_encoder, known_embedders, default=settings.EMBEDDER)
    service = Service(
        load_encoder,
        load_engine,
        speed_file=speed_file,
        threads=threads(),
        others=others,
        load_reranker=load_reranker,
        source=here(),
    )
    # Only a Unix socket of mode 600 tells who calls: nobody but this account.
    desk = desk_of(service) if settings.MODELS_URL.startswith("unix:") else None
    app = ModelsApp(service, desk=desk)
    service.start(app.metrics.generated)
    # uvicorn stops in order, then raises the signal again for whoever handled it before.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    with suppress(SystemExit):
        serve(app, listener)
    _forget(settings.MODELS_URL)
    # The threads of llama.cpp and torch may be in the middle of something that nobody waits for.
    os._exit(0)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _forget(url: str) -> None:
    if url.startswith("unix:"):
        Path(url.removeprefix("unix:")).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
