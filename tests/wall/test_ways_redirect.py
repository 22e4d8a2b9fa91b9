"""An address that is allowed, and answers by naming another one, is not followed there."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from inference.protocol import ModelsUnavailable
from inference.wire import Wire


@pytest.fixture
def another() -> Iterator[socket.socket]:
    """Where the allowed server sends us: nobody may come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture
def allowed(another: socket.socket) -> Iterator[tuple[str, list[str]]]:
    """A server that answers every request with its path as the status, and another address."""
    seen: list[str] = []
    target = f"http://127.0.0.1:{another.getsockname()[1]}/elsewhere"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(int(self.path.strip("/")))
            self.send_header("Location", target)
            self.send_header("Refresh", f"0; url={target}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal of a test."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_models_client_does_not_follow_a_redirect(
    status: int, allowed: tuple[str, list[str]], another: socket.socket
) -> None:
    url, seen = allowed
    wire = Wire(url, patience=0)
    with pytest.raises(ModelsUnavailable):
        wire.post(f"/{status}", {"question": "secret"})
    wire.close()
    assert seen == [f"/{status}"]
    with pytest.raises(BlockingIOError):
        another.accept()
