"""Is the record what was written? Walks all of it with bounded memory and names what is not.

What it cannot find: entries that somebody with the right to insert adds at the end, and what
somebody does who holds the signing key and every copy of the checkpoints (docs/record.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError, connection
from django.utils import timezone

from audit import actions, cut, keys, rows, triggers
from audit.attested import Attested
from audit.chain import genesis
from audit.faults import Fault, Faults
from audit.models import Cut, Entry, Seal
from audit.record import Actor, record
from audit.seal import unsealed
from audit.walk import Walk

#: A sealer comes every few seconds; who waits longer waits for one that is not running.
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` are all rows, `sealed` those in the chain. `head` is (position, digest).

    `cut` is the position up to which entries were removed under a signed statement, 0: never.
    `checkpoints` are the signed ones that the chain fits. Times in whole seconds.
    """

    ok: bool
    entries: int
    sealed: int
    unsealed: int
    oldest_unsealed_seconds: int
    head: tuple[int, str] | None
    faults: list[Fault] = field(default_factory=list)
    checkpoints: int = 0
    cut: int = 0


def verify(*, copies: Iterable[Path] = (), pem: str | None = None) -> Verdict:
    """Walk the chain and hold it to the checkpoints, those in `copies` too.

    `pem` is the public key as it was kept elsewhere; None: trust the one of this installation.
    Changes nothing. Raises KeyUnusable, and OSError for a copy that cannot be read.
    """
    while True:
        faults, cuts = Faults(), Cut.objects.count()
        _key(pem, faults)
        start = _start(pem, faults)
        walk = Walk(start[0], start[1], faults)
        walk.along(rows.sealed(start[0]))
        if cuts == Cut.objects.count():
            break  # else entries were removed under a new cut while the walk was on its way
    attested = Attested(walk.head, pem, faults)
    attested.own(walk.head is not None)
    for place in copies:
        attested.elsewhere(place)
    _triggers(faults)
    waiting, seconds = _waiting(faults)
    return Verdict(
        ok=not faults.found,
        entries=walk.count + waiting,
        sealed=walk.count,
        unsealed=waiting,
        oldest_unsealed_seconds=seconds,
        head=walk.head,
        faults=faults.all(),
        checkpoints=attested.count,
        cut=start[0],
    )


def verified(
    actor: Actor | None = None, *, copies: Iterable[Path] = (), pem: str | None = None
) -> Verdict:
    """verify(), and an entry that says who did and what was found. Raises as it does."""
    found = verify(copies=copies, pem=pem)
    record(
        actions.RECORD_VERIFIED,
        actor=actor,
        data={
            "ok": found.ok,
            "position": found.head[0] if found.head else 0,
            "digest": found.head[1] if found.head else "",
            "entries": found.entries,
            "checkpoints": found.checkpoints,
            "faults": sorted({fault.code for fault in found.faults}),
        },
    )
    return found


def tail() -> tuple[int, int]:
    """How many entries wait for the chain, and for how many seconds the oldest does. Quick."""
    return _age(unsealed().values_list("at", flat=True))


def _age(times: Iterable[datetime]) -> tuple[int, int]:
    found = list(times)
    oldest = max((timezone.now() - at).total_seconds() for at in found) if found else 0
    return len(found), max(0, int(oldest))


def _key(pem: str | None, faults: Faults) -> None:
    if pem is None or not keys.key_file().exists():
        return
    if keys.fingerprint() != keys.fingerprint(pem):
        detail = "The key of this installation is not the one that was given."
        faults.add(Fault("key", None, None, detail))


def _start(pem: str | None, faults: Faults) -> tuple[int, str]:
    """Where the chain begins: behind the newest cut that holds, else at the genesis."""
    start = (0, genesis(keys.fingerprint(pem)))
    for position in list(Cut.objects.order_by("position").values_list("position", flat=True)):
        try:
            made = Cut.objects.get(position=position)
            holds = cut.is_signed(made, pem) and _is_announced(made)
        except (ValueError, DatabaseError, Entry.DoesNotExist):
            holds = False  # something in it cannot even be read
        if holds:
            start = (made.position, made.digest)
        else:
            faults.add(Fault("cut", position, None, _NO_CUT))
    return start


_NO_CUT = (
    "A statement says that entries up to here were removed, but this key did not sign it, or no "
    "entry of the chain announces it."
)


def _is_announced(made: Cut) -> bool:
    """By an entry behind it. A later cut may have removed that one, and is then judged instead."""
    if Cut.objects.filter(position__gt=made.position).exists():
        return True
    seal = Seal.objects.filter(entry_id=made.announced, position__gt=made.position).first()
    if seal is None:
        return False
    entry = seal.entry
    return entry.action == actions.RECORD_CUT and cut.is_announced(made, entry.data)


def _triggers(faults: Faults) -> None:
    for name in triggers.missing(connection):
        detail = f"The trigger {name} is gone, off, or another one: the tables could be changed."
        faults.add(Fault("trigger", None, None, detail))


def _waiting(faults: Faults) -> tuple[int, int]:
    """How many entries have no seal, and the age of the oldest; each that waits too long is named."""
    count, oldest = 0, 0
    now = timezone.now()
    for entry, at in rows.unsealed():
        count += 1
        seconds = max(0, int((now - at).total_seconds())) if at else PATIENCE_SECONDS + 1
        oldest = max(oldest, seconds)
        if seconds > PATIENCE_SECONDS:
            detail = f"It has waited {seconds} s for its place in the chain."
            faults.add(Fault("unsealed", None, entry, detail))
    return count, oldest
