"""The single writer of the record. Call it inside the transaction of what it records."""

import uuid
from collections.abc import Mapping
from typing import Protocol

from audit.context import request_id
from audit.models import Entry

Value = str | int | float | bool | None
Data = Mapping[str, Value | list[str] | list[int]]


class Actor(Protocol):
    """Whoever acts: anything with a UUID as primary key. None stands for the system itself."""

    @property
    def pk(self) -> uuid.UUID: ...


def record(
    action: str,
    *,
    actor: Actor | None = None,
    target: tuple[str, object] | None = None,
    data: Data | None = None,
) -> Entry:
    """Append one entry.

    `action` is `room.noun.verb`, one of audit.actions. `target` is (type, id). `data` holds ids,
    hashes and counts, never the text of a question, answer, document or file name.
    """
    kind, key = target or ("", "")
    return Entry.objects.create(
        actor=str(actor.pk) if actor else "",
        action=action,
        target_type=kind,
        target_id=str(key),
        request_id=request_id.get(),
        data=dict(data or {}),
    )
