"""Copies of the checkpoints in a second place, where this installation can add but not change.

A mounted share (SOVEREIGN_CHECKPOINT_DIR) or the system log (SOVEREIGN_CHECKPOINT_SYSLOG, RFC 5424).
A place that fails is reported in EVIDENCE_DIR/places.json and in the log, tried again each minute,
and holds up nothing: a share that hangs hangs a thread of its own.
"""

import fcntl
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit import checkpoints, keys
from audit.chain import canonical, stamp
from audit.statement import Statement
from wall import ownfiles

log = logging.getLogger(__name__)

PATIENCE = 5.0
AGAIN = timedelta(minutes=1)
#: Facility 13 (log audit), severity 5 (notice): RFC 5424, section 6.2.1.
PRIORITY = 13 * 8 + 5

State = dict[str, dict[str, Any]]
Send = Callable[[Statement], None]


def configured() -> dict[str, Send]:
    """The places that are set, each with what sends one checkpoint there. Sends raise OSError."""
    found: dict[str, Send] = {}
    if settings.CHECKPOINT_DIR:
        found["directory"] = lambda said: _to_directory(Path(settings.CHECKPOINT_DIR), said)
    if settings.CHECKPOINT_SYSLOG:
        found["syslog"] = lambda said: _to_syslog(settings.CHECKPOINT_SYSLOG, said)
    return found


def state() -> State:
    """By place: `number` of the last checkpoint that went there, `at`, `error` ("" for none)."""
    try:
        read = json.loads(_state_file().read_bytes())
        return {name: _checked(read[name]) for name in configured() if name in read}
    except (OSError, ValueError, TypeError, KeyError):
        # Damaged: everything is sent again, and what is there twice is no fault.
        return {}


def _checked(known: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(known["at"])
    return {"number": int(known["number"]), "at": stamp(at), "error": str(known["error"])}


def deliver(patience: float = PATIENCE) -> None:
    """Send what each place lacks. Returns after `patience` seconds, whatever the place does."""
    known = state()
    newest = checkpoints.number()
    due = [name for name in configured() if newest > _number(known, name) and _may_try(known, name)]
    if not due:
        return
    worker = threading.Thread(target=_deliver, args=(due,), name="checkpoints", daemon=True)
    worker.start()
    worker.join(patience)
    if worker.is_alive():
        log.error("a place for checkpoints does not answer: %s", ", ".join(due))


def share_file(directory: Path) -> Path:
    return directory / f"sovereign-{keys.fingerprint()[:16]}.jsonl"


def _deliver(names: list[str]) -> None:
    with _alone() as alone:
        if alone:
            for name in names:
                _send_all(name, configured()[name])


def _send_all(name: str, send: Send) -> None:
    known = state()
    number, error = _number(known, name), ""
    # Said before it is tried: a place that hangs must not be tried again at once.
    _remember(name, number, "no-answer")
    try:
        for said in checkpoints.lines(after=number):
            send(said)
            number = said["number"]
    except OSError as problem:
        error = os.strerror(problem.errno) if problem.errno else type(problem).__name__
        log.error("checkpoints did not go to the %s: %s", name, error)
    _remember(name, number, error)


def _to_directory(directory: Path, said: Statement) -> None:
    """Append; on a share that takes new files only, one file for each checkpoint."""
    line, file = checkpoints.line_of(said), share_file(directory)
    try:
        _write(file, line, os.O_APPEND | os.O_CREAT)
    except PermissionError:
        single = file.with_name(f"{file.stem}-{said['number']:08d}.jsonl")
        if not single.exists():
            _write(single, line, os.O_CREAT | os.O_EXCL)


def _write(file: Path, line: bytes, flags: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | flags, 0o644)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_syslog(path: str, said: Statement) -> None:
    """One datagram to a Unix socket such as /dev/log."""
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    header = f"<{PRIORITY}>1 {when} {socket.gethostname()} sovereign {os.getpid()} CHECKPOINT - "
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log_socket:
        log_socket.settimeout(PATIENCE)
        log_socket.connect(path)
        log_socket.send(header.encode("ascii", "replace") + canonical(said))


# --- what is known of them ----------------------------------------------------------------------
def _state_file() -> Path:
    return checkpoints.folder() / "places.json"


def _number(known: State, name: str) -> int:
    return int(known.get(name, {}).get("number", 0))


def _may_try(known: State, name: str) -> bool:
    last = known.get(name, {})
    if not last.get("error"):
        return True
    return datetime.fromisoformat(last["at"]) <= timezone.now() - AGAIN


def _remember(name: str, number: int, error: str) -> None:
    now = stamp(timezone.now())
    known = {**state(), name: {"number": number, "at": now, "error": error}}
    checkpoints.replace(_state_file(), canonical(known))


@contextmanager
def _alone() -> Iterator[bool]:
    """False: another process sends already, or hangs in it."""
    file = checkpoints.folder() / "places.lock"
    with os.fdopen(ownfiles.opened(file, os.O_WRONLY | os.O_CREAT), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
