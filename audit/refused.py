"""What the guards refused goes from refused.jsonl into the record: summed, and each line once.

The lines come from processes that may have been taken over, so they are read as a stranger's.
"""

import contextlib
import fcntl
import json
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction

from audit import actions
from audit.models import Entry
from audit.record import record
from wall.refusals import LET_OUT, MOST_BYTES, NAME

#: Entries of one collection; what is beyond is counted in one more.
MOST_ENTRIES = 50
_MOST_FILES = 20
_TRIES = 20
_TAKEN = ".taken"
_OURS = re.compile(r"[0-9a-f-]{36}\.taken", re.ASCII)
#: The collector's advisory lock in PostgreSQL: any number that nothing else uses.
_LOCK = 0x5EA2
_LONGEST_LINE = 8_192
_MOST_TIMES = 10**9
_STACK = 12
_DOCUMENTS = 50

_WORD = re.compile(r"[A-Za-z][\w.-]{0,39}", re.ASCII)
_HOST = re.compile(r"[\w.:%()/ -]{1,253}", re.ASCII)
_PLACE = re.compile(r"[\w.:<>-]{1,200}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

#: action, role, event, host, port
Key = tuple[str, str, str, str, int]


@dataclass
class _Group:
    """Refusals that are alike: how many, when, by whom, and from where the first of them came."""

    stack: list[str]
    times: int = 0
    first: str = ""
    last: str = ""
    pids: set[int] = field(default_factory=set)
    #: Whose reading it was, where it was a reader's.
    documents: set[str] = field(default_factory=set)


@dataclass
class _Sum:
    groups: dict[Key, _Group] = field(default_factory=dict)
    beyond: int = 0
    unreadable: int = 0

    def add(self, line: bytes) -> None:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self.unreadable += 1
            return
        key, times = _key(content), _whole(content.get("times"), _MOST_TIMES) or 1
        if key not in self.groups and len(self.groups) >= MOST_ENTRIES:
            self.beyond += times
            return
        group = self.groups.setdefault(key, _Group(_stack(content)))
        at = _text(content.get("at"), _TIME)
        group.times = min(group.times + times, _MOST_TIMES)
        group.first, group.last = min(group.first or at, at), max(group.last, at)
        if len(group.pids) < _STACK:
            group.pids.add(_whole(content.get("pid"), 2**22))
        document = _text(content.get("document"), _UUID)
        if document != "?" and len(group.documents) < _DOCUMENTS:
            group.documents.add(document)

    @property
    def refused(self) -> int:
        """Without the attempts of proofs, and what was let out."""
        return self.beyond + sum(
            group.times
            for (action, _, event, _, _), group in self.groups.items()
            if action == actions.EGRESS_REFUSED and event != "proof"
        )


def collect(folder: Path | None = None) -> int:
    """Move what waits in FOLDER (settings.EVIDENCE_DIR) into the record. Returns how many refusals.

    Entries are one for each process role, event and address; those of a proof one for each role.
    The file is renamed first, and its entries carry the new name: after a crash at any point the
    next call goes on, and counts nothing twice. Several callers at once take turns.
    """
    folder = folder or Path(settings.EVIDENCE_DIR)
    with contextlib.suppress(FileNotFoundError):
        (folder / NAME).rename(folder / f"{uuid.uuid4()}{_TAKEN}")
    taken = sorted(each for each in folder.glob(f"*{_TAKEN}") if _OURS.fullmatch(each.name))
    return sum(_put(_read(each), each) for each in taken[:_MOST_FILES])


def _read(taken: Path) -> _Sum:
    """Everything in the file; one unreadable line stands for what is no file at all."""
    total = _Sum()
    try:
        descriptor = os.open(taken, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return total  # another caller was quicker
    except OSError:
        return _Sum(unreadable=1)  # a link, which no process of ours makes
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return _Sum(unreadable=1)
        _wait_for_writers(descriptor)
        with open(descriptor, "rb", closefd=False) as file:
            for line in _lines(file):
                total.add(line)
    finally:
        os.close(descriptor)
    return total


def _wait_for_writers(descriptor: int) -> None:
    """Whoever is in the middle of a line needs microseconds; one that stands still is not waited for."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.05)


def _put(total: _Sum, taken: Path) -> int:
    """Write the entries, once for each name of a file, then remove the file."""
    name = taken.name.removesuffix(_TAKEN)
    with transaction.atomic():
        _take_turns()
        written = Entry.objects.filter(target_type="refusals", target_id=name).exists()
        if not written:
            _record(total, name)
    with contextlib.suppress(OSError):  # gone already, or a folder that nobody of ours made
        taken.unlink()
    return 0 if written else total.refused


def _take_turns() -> None:
    """One collector at a time. On SQLite writers exclude each other anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _record(total: _Sum, name: str) -> None:
    target = ("refusals", name)
    for (action, role, event, host, port), group in total.groups.items():
        data: dict[str, Any] = {"role": role, "event": event, "host": host, "port": port}
        data |= {"times": group.times, "first": group.first, "last": group.last}
        data |= {"pids": sorted(group.pids), "stack": group.stack}
        if group.documents:
            data["documents"] = sorted(group.documents)
        record(action, target=target, data=data)
    if total.beyond or total.unreadable:
        data = {"role": "", "event": "others", "host": "", "port": 0}
        data |= {"times": total.beyond, "unreadable": total.unreadable}
        record(actions.EGRESS_REFUSED, target=target, data=data)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines, each cut at its longest, up to the bound that the guards themselves keep."""
    left = MOST_BYTES + _LONGEST_LINE
    while left > 0 and (line := file.readline(_LONGEST_LINE)):
        left -= len(line)
        yield line


def _key(content: dict[str, Any]) -> Key:
    role = _text(content.get("role"), _WORD)
    if content.get("probe") is True:
        return actions.EGRESS_REFUSED, role, "proof", "", 0
    event = _text(content.get("event"), _WORD)
    action = actions.EGRESS_LET_OUT if event == LET_OUT else actions.EGRESS_REFUSED
    host = _text(content.get("host"), _HOST)
    return action, role, event, host, _whole(content.get("port"), 2**32)


def _text(value: object, form: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else "?"


def _whole(value: object, most: int) -> int:
    return value if type(value) is int and 0 <= value <= most else 0


def _stack(content: dict[str, Any]) -> list[str]:
    found = content.get("stack")
    return [_text(each, _PLACE) for each in found[:_STACK]] if isinstance(found, list) else []
