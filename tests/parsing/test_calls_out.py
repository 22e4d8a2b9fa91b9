"""What a reader's child tells of its attempts to call out, and what a hostile one may say there."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from ingest.parsers import frames
from ingest.parsers.base import ParseError
from ingest.parsers.registry import TEXT
from tests.parsing import files
from tests.parsing.test_sandbox import child


def refused_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> list[dict[str, Any]]:
    """What the parent is told of a child whose reading is `body`."""
    told: list[dict[str, Any]] = []
    path = child(monkeypatch, tmp_path, body)
    with contextlib.suppress(ParseError):
        files.isolated(path, TEXT, on_refused=told.extend)
    return told


@pytest.mark.parametrize(
    ("attempt", "event", "host", "port"),
    [
        (
            "socket.create_connection(('127.111.111.111', 47), 1)",
            "socket.getaddrinfo",
            "127.111.111.111",
            47,
        ),
        ("socket.getaddrinfo('name.invalid', 53)", "socket.getaddrinfo", "name.invalid", 53),
        (
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
            "socket.__new__",
            "socket:2:2",
            0,
        ),
        ("socket.socket(socket.AF_UNIX)", "socket.__new__", "socket:1:1", 0),
        ("ctypes.CDLL(None).connect", "ctypes.dlsym", "function:connect", 0),
    ],
)
@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)", "os.write(3, b'R 1')"])
def test_its_parent_hears_of_a_call_home(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    attempt: str,
    event: str,
    host: str,
    port: int,
    end: str,
) -> None:
    body = f"""
        import contextlib, ctypes, os, socket
        with contextlib.suppress(OSError):
            {attempt}
        {end}
    """
    (told,) = refused_by(monkeypatch, tmp_path, body)
    assert (told["role"], told["event"], told["host"]) == ("parser", event, host)
    assert (told["port"], told["times"]) == (port, 1)
    assert told["pid"] > 1
    assert any("_parse" in place for place in told["stack"])


def test_a_flood_of_refusals_is_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = """
        import contextlib, socket
        for _ in range(1000):
            with contextlib.suppress(OSError):
                socket.socket()
    """
    told = refused_by(monkeypatch, tmp_path, body)
    assert (len(told), sum(each["times"] for each in told)) == (frames.MOST_REFUSALS, 1000)


@pytest.mark.parametrize(
    "said",
    [b"\xff", b"[" * 9_999, b"5", b'{"event": "let-out", "host": "x\\u0000", "port": -1}'],
)
def test_nonsense_of_a_hostile_child_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes
) -> None:
    frame = b"G %d\n" % len(said) + said
    (told,) = refused_by(monkeypatch, tmp_path, f"import os; os.write(3, {frame!r})")
    assert (told["event"], told["host"], told["port"], told["stack"]) == ("?", "?", 0, [])


@pytest.mark.parametrize("header", [b"G 0\n", b"G -5\n", b"G 99999999\n", b"G x\n"])
def test_a_refusal_of_no_possible_size_ends_the_reading(header: bytes) -> None:
    taken = frames.Frames(100, None)
    taken.feed(header + b"x" * 100)
    assert taken.broken and not taken.refusals


def test_refusals_come_in_pieces_between_other_frames() -> None:
    taken = frames.Frames(100, None)
    for byte in b'P 1 2\nG 30\n{"event": "socket.connect"   }G 2\n{}R 2\n[]':
        taken.feed(bytes([byte]))
    assert [each["event"] for each in taken.refusals] == ["socket.connect", "?"]
    assert taken.finished and not taken.broken and bytes(taken.body) == b"[]"
