"""A thread in each long-lived process that answers, on a Unix socket, how its own attempts to get out end.

One question at a time: a line `prove` (or `facts`, which tries nothing); one JSON object comes back.
"""

import atexit
import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from wall import facts, guard, probes
from wall.status import now

PROVE, FACTS = b"prove\n", b"facts\n"
_PATIENCE = 2.0
_LONGEST_ANSWER = 1 << 20
_LONGEST_PATH = 107


def serve(folder: Path, role: str) -> Path:
    """Answer at FOLDER/ROLE-PID.sock (0600) until the process ends. Returns the socket's path.

    A forked child gives its copy of the socket up and answers nothing. Raises OSError where the
    socket cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{role}-{os.getpid()}.sock"
    if path.exists() and _alive(path):  # containers that share the folder count from 1, all of them
        path = path.with_stem(f"{path.stem}-{secrets.token_hex(3)}")
    # Under its name once it listens: whoever looks for dead ones takes away what does not.
    made = path.with_suffix(".part")
    made.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(listener.fileno(), 0o600)
    _at(made, listener.bind)
    listener.listen(8)
    made.replace(path)
    ours = os.getpid()
    os.register_at_fork(after_in_child=listener.close)
    atexit.register(lambda: path.unlink(missing_ok=True) if os.getpid() == ours else None)
    threading.Thread(
        target=_answer_all, args=(listener, role), name="wall-agent", daemon=True
    ).start()
    return path


def sockets(folder: Path) -> list[Path]:
    """The sockets in FOLDER that somebody answers at; what dead processes left is cleared away."""
    found = []
    for path in sorted(folder.glob("*.sock")):
        if _alive(path):
            found.append(path)
        else:
            path.unlink(missing_ok=True)
    return found


def ask(path: Path, timeout: float = 30.0, question: bytes = PROVE) -> dict[str, Any]:
    """Ask the process at PATH: {"role", "pid", "facts", "probes", "refused", "at"}.

    Raises OSError (TimeoutError included) where none answers, ValueError for what is no answer.
    """
    data, deadline = b"", time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        _at(path, connection.connect)
        connection.sendall(question)
        while chunk := connection.recv(65_536):
            data += chunk
            # One that sends a byte now and then must not hold the proof up either.
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            if len(data) > _LONGEST_ANSWER:
                raise ValueError("the answer is too long")
    content = json.loads(data)
    if not isinstance(content, dict):
        raise ValueError("the answer is no object")
    return content


def answer(role: str, *, prove: bool) -> dict[str, Any]:
    """What a process says of itself. `refused` counts what was refused before, attempts of proofs aside."""
    return {
        "role": role,
        "pid": os.getpid(),
        "facts": facts.facts(),
        "probes": [probe.as_dict() for probe in probes.run()] if prove else [],
        "refused": guard.refused(),
        "at": now(),
    }


def _answer_all(listener: socket.socket, role: str) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        # One that asks badly, leaves early or says nothing costs its own answer and no other.
        with connection, suppress(OSError, ValueError):
            connection.settimeout(_PATIENCE)
            question = connection.recv(64)
            if question in (PROVE, FACTS):
                content = answer(role, prove=question == PROVE)
                connection.sendall(json.dumps(content).encode())


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        try:
            _at(path, connection.connect)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _at(path: Path, do: Any) -> None:
    """`do(path)`; a path that is too long for a socket is named by its folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        do(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        do(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
