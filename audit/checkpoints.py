"""Signed checkpoints outside the database: who rewrites the whole chain cannot rewrite these.

EVIDENCE_DIR/head.json    where the chain ends now; replaced after each sealing
EVIDENCE_DIR/checkpoints.jsonl    one line an hour or 1,000 entries; lines are numbered, each holds
    the hash of the one before, head.json the hash of the last
EVIDENCE_DIR/conflicts.jsonl    heads that the chain contradicted: kept, never overwritten

Copies in a second place: audit/places.py. Whoever holds the key file and can write to this folder
can forge all of it; a copy elsewhere cannot be forged from here.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from audit import actions, statement
from audit.chain import canonical, stamp
from audit.models import Cut, Entry, Seal
from audit.record import record
from audit.statement import Statement
from wall import ownfiles

FORMAT = "sovereign-checkpoint-1"
EVERY_ENTRIES = 1_000
EVERY = timedelta(hours=1)
#: More than any line has.
TAIL_BYTES = 4_096


def folder() -> Path:
    made = Path(settings.EVIDENCE_DIR)
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def head_file() -> Path:
    return folder() / "head.json"


def lines_file() -> Path:
    return folder() / "checkpoints.jsonl"


def conflicts_file() -> Path:
    return folder() / "conflicts.jsonl"


def follow() -> Statement | None:
    """Say in head.json where the chain ends, and append a line if one is due. None: nothing sealed."""
    return _advance(wanted=False)


def write() -> Statement | None:
    """The same, and append a line now: for reports and at the stop. Nothing new: the last head."""
    return _advance(wanted=True)


def line_of(checkpoint: Statement) -> bytes:
    return canonical(checkpoint) + b"\n"


def line_hash(line: bytes) -> str:
    """SHA-256 of a line without its end: what the next line and head.json hold as `previous`."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def number() -> int:
    """How many lines there are, by head.json; 0 before the first."""
    head = read(head_file().read_bytes()) if head_file().exists() else None
    return int(head["number"]) if head else 0


def lines(after: int) -> Iterator[Statement]:
    """The lines whose number is greater, as they are in the file; what is no checkpoint is left out."""
    if not lines_file().exists():
        return
    with lines_file().open("rb") as file:
        for line in file:
            found = read(line)
            if found and found["number"] > after:
                yield found


def _advance(*, wanted: bool) -> Statement | None:
    with _locked():
        newest = Seal.objects.order_by("-position").first()
        if newest is None:
            return None
        known = _known(newest)
        number, previous, last = _last(known)
        since = newest.position - int(last.get("position", 0))
        if since and (wanted or not last or since >= EVERY_ENTRIES or _is_old(last)):
            line = line_of(_checkpoint(newest, number + 1, previous))
            _append(lines_file(), line)
            number, previous = number + 1, line_hash(line)
        elif known and known["position"] == newest.position:
            return known
        head = _checkpoint(newest, number, previous)
        replace(head_file(), line_of(head))
        if number == 1:
            _begun()
        return head


def _begun() -> None:
    """Say so once, when the head is there: a crash before it would look like a head that was removed."""
    if not Entry.objects.filter(action=actions.CHECKPOINTS_BEGUN).exists():
        record(actions.CHECKPOINTS_BEGUN)


def _checkpoint(newest: Seal, number: int, previous: str) -> Statement:
    cut = Cut.objects.order_by("-position").values_list("position", flat=True).first() or 0
    return statement.signed(
        {
            "format": FORMAT,
            "number": number,
            "previous": previous,
            "position": newest.position,
            "digest": newest.digest,
            "entries": newest.position - cut,
            "at": stamp(timezone.now()),
        }
    )


# --- what was said before -----------------------------------------------------------------------
def _known(newest: Seal) -> Statement | None:
    """head.json, where the chain goes on from it. What does not fit is kept as a conflict."""
    raw = head_file().read_bytes() if head_file().exists() else b""
    if not raw:
        if Entry.objects.filter(action=actions.CHECKPOINTS_BEGUN).exists():
            _conflict("head-missing", raw)
        return None
    head = read(raw)
    if head is None:
        _conflict("head-unsigned", raw)
    elif not is_in_chain(head, newest):
        _conflict("head-contradicted", raw)
        return None
    return head


def read(raw: bytes, pem: str | None = None) -> Statement | None:
    """A checkpoint from its line; None for anything else than exactly the bytes that were signed."""
    try:
        found = json.loads(raw)
        fits = isinstance(found, dict) and line_of(found).strip() == raw.strip()
    except (ValueError, RecursionError):
        return None
    if not fits or found.get("format") != FORMAT or not statement.holds(found, pem):
        return None
    return dict(found)


def is_in_chain(head: Statement, newest: Seal) -> bool:
    """Whether the chain that ends with NEWEST goes on from what HEAD says."""
    if head["position"] > newest.position:
        return False
    if Cut.objects.filter(position__gte=head["position"]).exists():
        return True
    return Seal.objects.filter(position=head["position"], digest=head["digest"]).exists()


def _conflict(code: str, raw: bytes) -> None:
    """Keep what contradicts the chain: overwriting it would hide that the chain was changed."""
    found = raw.decode("utf-8", "replace")[:TAIL_BYTES]
    kept = {"at": stamp(timezone.now()), "code": code, "found": found}
    _append(conflicts_file(), canonical(kept) + b"\n")
    record(
        actions.RECORD_CONTRADICTED,
        data={"code": code, "sha256": hashlib.sha256(raw).hexdigest()},
    )


def _last(known: Statement | None) -> tuple[int, str, Statement]:
    """Number and hash that the next line follows, and the last line.

    Where lines were cut off, head.json still knows: the gap in the numbers stays for ever.
    """
    raw = _last_line()
    line = read(raw) or {}
    number, previous = int(line.get("number", 0)), line_hash(raw) if raw else ""
    if known and known["number"] > number:
        return known["number"], known["previous"], line
    return number, previous, line


def _last_line() -> bytes:
    """The last whole line. A beginning of one, left by a crash, is taken away."""
    file = lines_file()
    if not file.exists():
        return b""
    with os.fdopen(ownfiles.opened(file, os.O_RDWR), "r+b") as lines:
        size = lines.seek(0, os.SEEK_END)
        lines.seek(max(0, size - TAIL_BYTES))
        tail = lines.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            lines.truncate(size - len(tail) + whole)
    found = tail[:whole].splitlines()
    return found[-1] if found else b""


def _is_old(line: Statement) -> bool:
    return datetime.fromisoformat(line["at"]) <= timezone.now() - EVERY


# --- files --------------------------------------------------------------------------------------
@contextmanager
def _locked() -> Iterator[None]:
    """One writer at a time, whatever process it is in."""
    descriptor = ownfiles.opened(folder() / "checkpoints.lock", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(descriptor, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _append(file: Path, line: bytes) -> None:
    descriptor = ownfiles.opened(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(file: Path, content: bytes) -> None:
    ownfiles.replace(file, content.decode("utf-8"))
