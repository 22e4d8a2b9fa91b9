"""The guard of tests/conftest.py itself."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.conftest import REFUSED, NetworkRefused

# 192.0.2.1 is an address for documentation (RFC 5737): the guard refuses before a packet is made.
OUTSIDE = ("192.0.2.1", 9)


@pytest.fixture(autouse=True)
def _forgive(_network_was_left_alone: None) -> object:
    yield
    REFUSED.clear()


def test_tcp_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(NetworkRefused):
        sock.connect(OUTSIDE)
    assert REFUSED


def test_udp_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(NetworkRefused):
        sock.sendto(b"x", OUTSIDE)


def test_name_lookups_are_refused() -> None:
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("name.invalid", 443)


def test_asyncio_is_refused() -> None:
    with pytest.raises(NetworkRefused):
        asyncio.run(_open())


async def _open() -> None:
    await asyncio.open_connection(*OUTSIDE)


def test_loopback_and_unix_sockets_are_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "s"))
