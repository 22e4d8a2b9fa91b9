"""Retention of the record: its oldest entries go, and a signed statement says so in their place.

A cut is announced inside the chain and signed. The chain then begins behind it; audit.verify holds
the first remaining entry to the digest that the statement names. Holds are the caller's business.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from audit import actions, checkpoints, keys, statement
from audit.chain import stamp
from audit.models import Cut, Entry, Seal
from audit.record import Actor, record
from audit.seal import seal

FORMAT = "sovereign-cut-1"
#: Rows in one transaction: SQLite lets nobody else write meanwhile.
BATCH = 2_000


def cut(before: datetime, *, actor: Actor | None = None) -> Cut | None:
    """Remove the entries at the chain's beginning that are older than `before`.

    Stops at the first entry that is not older. None: there is nothing to remove. Not inside a
    transaction, because it seals. After a crash finish() does the rest.
    """
    seal(everywhere=True)
    finish()
    last = _last_older(before)
    if last is None:
        return None
    count = Seal.objects.filter(position__lte=last.position).count()
    announced = record(
        actions.RECORD_CUT,
        actor=actor,
        data={"position": last.position, "digest": last.digest, "entries": count},
    )
    seal()
    made = _signed(last, count, announced)
    # While the chain is whole: what the checkpoint attests lies behind the cut.
    checkpoints.write()
    made.save(force_insert=True)
    finish()
    return made


def finish() -> int:
    """Delete what the newest cut names and return how many entries that were."""
    newest = Cut.objects.order_by("-position").first()
    total = 0
    while newest and (first := Seal.objects.aggregate(first=Min("position"))["first"] or 0):
        if not 0 < first <= newest.position:
            break
        total += _delete(first, min(newest.position, first + BATCH - 1))
    return total


def said(made: Cut) -> dict[str, Any]:
    """What the signature is of."""
    return {
        "format": FORMAT,
        "position": made.position,
        "digest": made.digest,
        "entries": made.entries,
        "at": stamp(made.at),
        "announced": made.announced,
    }


def is_signed(made: Cut, pem: str | None = None) -> bool:
    installation = keys.fingerprint(pem)
    signature = made.signature
    return statement.holds(
        {**said(made), "installation": installation, "signature": signature}, pem
    )


def is_announced(made: Cut, data: Mapping[str, Any]) -> bool:
    """Whether the entry in the chain says the same as the statement."""
    wanted = {"position": made.position, "digest": made.digest, "entries": made.entries}
    return wanted == {name: data.get(name) for name in wanted}


def _last_older(before: datetime) -> Seal | None:
    kept = Seal.objects.filter(entry__at__gte=before).aggregate(first=Min("position"))["first"]
    older = Seal.objects.all() if kept is None else Seal.objects.filter(position__lt=kept)
    return older.order_by("-position").first()


def _signed(last: Seal, count: int, announced: Entry) -> Cut:
    made = Cut(
        position=last.position,
        digest=last.digest,
        entries=count,
        at=timezone.now(),
        announced=announced.pk,
    )
    made.signature = statement.signed(said(made))["signature"]
    return made


def _delete(first: int, last: int) -> int:
    span = [first, last]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM audit_entry WHERE id IN "
            "(SELECT entry_id FROM audit_seal WHERE position BETWEEN %s AND %s)",
            span,
        )
        cursor.execute("DELETE FROM audit_seal WHERE position BETWEEN %s AND %s", span)
        return int(cursor.rowcount)
