"""The record's rows as they are stored, read for verification: nothing that a row holds may stop it.

Columns are read as bytes or text and decoded here, strictly: what the product would not have
written in just this form counts as changed, though it may mean the same.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

#: Rows held at once: the most memory that verification takes.
BATCH = 1_000
_SEAL = ("previous", "digest", "sealed")
_TEXTS = ("actor", "action", "target_type", "target_id", "request_id")


class Malformed(ValueError):
    """The name of the column that holds what nobody would have written."""


@dataclass(frozen=True, slots=True)
class Row:
    """One seal with its entry. `fields` is None where the entry is gone or cannot be read;
    `malformed` names the column that nobody would have written so."""

    position: int
    entry: int
    previous: str
    digest: str
    sealed: str
    fields: dict[str, Any] | None
    malformed: str = ""


def sealed(after: int) -> Iterator[Row]:
    """All seals behind the position `after`, in order, each batch one query."""
    while rows := _query(_SQL[connection.vendor], [after, BATCH]):
        yield from (_row(values) for values in rows)
        after = rows[-1][0]


def unsealed() -> Iterator[tuple[int, datetime | None]]:
    """Id and time of all entries without a seal. None: the time is none."""
    after = -1
    while found := _query(_UNSEALED[connection.vendor], [after, BATCH]):
        for entry, at in found:
            try:
                yield entry, datetime.fromisoformat(_time(at)).replace(tzinfo=UTC)
            except ValueError:
                yield entry, None
        after = found[-1][0]


def digests(positions: Sequence[int]) -> dict[int, str]:
    """The digests that are stored at these positions."""
    places = ", ".join(["%s"] * len(positions))
    found = _query(_DIGESTS[connection.vendor].format(places), positions) if positions else []
    return {position: _decoded(digest) for position, digest in found}


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _query(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _row(values: Sequence[Any]) -> Row:
    seal: dict[str, str] = {}
    malformed, fields = "", None
    for name, value, decode in zip(_SEAL, values[2:5], (_text, _text, _time), strict=True):
        try:
            seal[name] = decode(value)
        except ValueError:
            seal[name], malformed = "", name
    if values[5] is not None:
        try:
            fields = _fields(values[5:])
        except Malformed as column:
            malformed = str(column)
    return Row(values[0], values[1], **seal, fields=fields, malformed=malformed)


def _fields(values: Sequence[Any]) -> dict[str, Any]:
    decoders: dict[str, Callable[[Any], Any]] = {
        "id": int,
        "uuid": _uuid,
        "at": _time,
        **dict.fromkeys(_TEXTS, _text),
        "data": _json,
    }
    fields = {}
    for (name, decode), value in zip(decoders.items(), values, strict=True):
        try:
            fields[name] = decode(value)
        except (ValueError, RecursionError) as error:
            raise Malformed(name) from error
    return fields


def _text(value: Any) -> str:
    if value is None:
        raise ValueError("NULL")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _uuid(value: Any) -> str:
    text = _text(value)
    found = UUID(text)
    if text not in (found.hex, str(found)):
        raise ValueError("not as the product writes it")
    return str(found)


def _time(value: Any) -> str:
    """PostgreSQL gives the form of the chain; SQLite stores another, without a fraction of zero."""
    text = _text(value)
    if connection.vendor == "postgresql":
        return text
    found = datetime.fromisoformat(text)
    if str(found) != text or found.tzinfo:
        raise ValueError("not as the product writes it")
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json(value: Any) -> Any:
    text = _text(value)
    found = json.loads(text)
    # Spaces, and keys that come twice, mean nothing and are a change all the same. PostgreSQL
    # stores what JSON means, and has a form of its own.
    if connection.vendor != "postgresql" and json.dumps(found, cls=DjangoJSONEncoder) != text:
        raise ValueError("not as the product writes it")
    return found


_FROM = """
    FROM audit_seal AS s LEFT JOIN audit_entry AS e ON e.id = s.entry_id
    WHERE s.position > %s ORDER BY s.position LIMIT %s
"""
_POSTGRES_TIME = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_SQL = {
    "sqlite": "SELECT s.position, s.entry_id, {}, e.id, {}".format(
        ", ".join(f"CAST(s.{name} AS BLOB)" for name in ("previous", "digest", "at")),
        ", ".join(f"CAST(e.{name} AS BLOB)" for name in ("uuid", "at", *_TEXTS, "data")),
    )
    + _FROM,
    "postgresql": "SELECT s.position, s.entry_id, s.previous, s.digest, {}, e.id, {}".format(
        _POSTGRES_TIME.format("s.at"),
        ", ".join(
            ["e.uuid::text", _POSTGRES_TIME.format("e.at")]
            + [f"e.{name}" for name in _TEXTS]
            + ["e.data::text"]
        ),
    )
    + _FROM,
}
_UNSEALED = {
    vendor: f"SELECT e.id, {at} FROM audit_entry AS e LEFT JOIN audit_seal AS s ON s.entry_id = e.id "  # noqa: S608 (constants)
    "WHERE s.position IS NULL AND e.id > %s ORDER BY e.id LIMIT %s"
    for vendor, at in (
        ("sqlite", "CAST(e.at AS BLOB)"),
        ("postgresql", _POSTGRES_TIME.format("e.at")),
    )
}
_DIGESTS = {
    "sqlite": "SELECT position, CAST(digest AS BLOB) FROM audit_seal WHERE position IN ({0})",
    "postgresql": "SELECT position, digest FROM audit_seal WHERE position IN ({0})",
}
