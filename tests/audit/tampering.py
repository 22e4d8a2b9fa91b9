"""Somebody with all rights on the database: no trigger, no foreign key stands in their way."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from audit import actions, triggers
from audit.models import Entry, Seal
from audit.seal import seal

Statement = str | tuple[str, Sequence[Any]]
KINDS = [actions.SIGNED_IN, actions.ANSWERED, actions.DOCUMENT_READY]


def fill(count: int, *, seed: int = 4) -> None:
    """A sealed record such as a working day leaves it."""
    rng = random.Random(seed)
    made = [
        Entry(
            action=rng.choice(KINDS),
            actor=f"{rng.getrandbits(64):016x}",
            target_type="document",
            target_id=f"{rng.getrandbits(64):016x}",
            request_id=f"{rng.getrandbits(64):016x}",
            data={"chunks": [f"{rng.getrandbits(64):016x}"], "citations": rng.randrange(9)},
        )
        for _ in range(count)
    ]
    Entry.objects.bulk_create(made, batch_size=500)
    seal()


def entry_at(position: int) -> int:
    return Seal.objects.get(position=position).entry_id


@contextmanager
def tampered(*statements: Statement) -> Iterator[None]:
    """Run with all rights, leave no trace but the change, and undo it at the end."""
    with transaction.atomic():
        tamper(*statements)
        yield
        if connection.vendor == "postgresql":
            run("SET LOCAL session_replication_role = DEFAULT")
        transaction.set_rollback(True)


def tamper(*statements: Statement) -> None:
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    triggers.remove(connection)
    if connection.vendor == "postgresql":
        run("SET LOCAL session_replication_role = replica")
    run(*statements)
    triggers.install(connection)


def run(*statements: Statement) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            if isinstance(statement, str):
                cursor.execute(statement)
            else:
                cursor.execute(*statement)


def exchange(table: str, column: str, one: int, two: int) -> list[Statement]:
    """Two rows exchange a unique number."""
    change = f"UPDATE {table} SET {column} = %s WHERE {column} = %s"
    return [(change, [-1, one]), (change, [one, two]), (change, [two, -1])]


def shift(first: int, by: int) -> list[Statement]:
    """All seals from `first` on move by `by` positions."""
    away = f"UPDATE audit_seal SET position = -(position + {by}) WHERE position >= {first}"
    return [away, "UPDATE audit_seal SET position = -position WHERE position < 0"]
