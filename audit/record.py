"""The single writer of the record. Call it inside the transaction of what it records."""

import uuid
from collections.abc import Mapping
from typing import Protocol

from audit.context import request_id
from audit.models import Entry

Value = str | int | bool | None
Data = Mapping[str, Value | list[str] | list[int]]

#: Beyond it JSON's readers disagree about whole numbers (RFC 8785, section 3.2.2.3).
MOST = 2**53 - 1

#: Room for the ids of all that one answer was shown. More belongs into several entries.
MOST_CHARACTERS = 65_536


class Unfit(ValueError):
    """Data that the record does not take. A fault of the program, never of who uses it."""


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
    Raises Unfit for what other programs would read differently: numbers that are not whole or
    beyond 2^53, text with NUL or half a surrogate pair, anything but text, numbers, lists, objects.
    """
    kind, key = (str(part) for part in target or ("", ""))
    data = dict(data or {})
    # SQLite would take more than PostgreSQL does.
    if _checked_text(kind) > 32 or _checked_text(key) > 64 or _checked_text(action) > 64:
        raise Unfit(f"{action}: a name or an id that is too long")
    if _checked(data) > MOST_CHARACTERS:
        raise Unfit(f"{action}: more than {MOST_CHARACTERS} characters of data")
    return Entry.objects.create(
        actor=str(actor.pk) if actor else "",
        action=action,
        target_type=kind,
        target_id=key,
        request_id=request_id.get(),
        data=data,
    )


def _checked(value: object) -> int:
    """Return how much room `value` takes, in characters and numbers. Raises Unfit."""
    match value:
        case None | bool():
            return 1
        case int():
            if not -MOST <= value <= MOST:
                raise Unfit("a number beyond 2^53")
            return 1
        case str():
            return _checked_text(value)
        case list():
            return sum(map(_checked, value))
        case dict() if all(isinstance(key, str) for key in value):
            return sum(map(_checked, value)) + sum(map(_checked, value.values()))
        case float():
            raise Unfit("a number that is not whole: record milliseconds, cents, parts of 1000")
        case _:
            raise Unfit(f"the record takes no {type(value).__name__}")


def _checked_text(text: str) -> int:
    # PostgreSQL stores neither; canonical JSON refuses the second.
    if "\0" in text:
        raise Unfit("text with NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unfit("text with half a surrogate pair") from error
    return len(text)
