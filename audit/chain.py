"""What exactly is hashed. Pure: no database, no clock, no settings.

A digest is SHA-256 over canonical JSON (RFC 8785) of one flat object. Whoever has the fields can
compute it again in any language; docs/record.md says how.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785

from audit.models import Entry

#: Named in the genesis: another form of the chain would have another name.
FORMAT = "sovereign-record-1"

Fields = Mapping[str, Any]


def genesis(installation: str) -> str:
    """What the first seal follows: bound to the installation by its key's fingerprint."""
    return _sha256({"format": FORMAT, "installation": installation})


def digest(position: int, previous: str, sealed: str, fields: Fields) -> str:
    """Return the 64 hex digits for one entry at `position`, sealed at the time `sealed`.

    `fields` come from fields_of(). Raises ValueError for what canonical JSON cannot hold: NaN,
    whole numbers beyond 2^53, text that is no Unicode.
    """
    return _sha256({**fields, "position": position, "previous": previous, "sealed": sealed})


def fields_of(entry: Entry) -> dict[str, Any]:
    """All columns of an entry in the form that is hashed."""
    return {
        "id": entry.pk,
        "uuid": str(entry.uuid),
        "at": stamp(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "request_id": entry.request_id,
        "data": entry.data,
    }


def stamp(at: datetime) -> str:
    """A time in UTC with six digits after the second: `2026-01-31T08:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785). Raises ValueError as digest() does."""
    return rfc8785.dumps(value)


def _sha256(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
