"""Lists by cursor: stable while rows come and go, and as fast on the last page as on the first."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from ninja import Schema

from audit.problems import Problem

MAX_LIMIT = 200
DEFAULT_LIMIT = 50

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


class Paged(Schema, Generic[Item]):
    """A list as the API writes it. `next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None = None


def page(
    queryset: QuerySet[Row],
    cursor: str | None,
    limit: int = DEFAULT_LIMIT,
    *,
    key: Sequence[str] = ("id",),
) -> tuple[list[Row], str | None]:
    """Return the rows after `cursor` and the cursor of the page after them (None: no more).

    `key` names the fields to order by, "-field" for descending; together they must be unique and
    not null. Raises Problem 400 `bad-cursor` for a cursor that this list did not make.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    ordered = queryset.order_by(*key)
    if cursor:
        ordered = ordered.filter(_after(queryset.model, key, _decode(cursor)))
    rows = list(ordered[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, _encode(rows[-1], key) if more else None


def _after(model: type[Model], key: Sequence[str], values: list[object]) -> Q:
    """a > x, or a = x and b > y, and so on: the rows behind the cursor in the order of `key`."""
    if len(values) != len(key):
        raise _bad_cursor()
    result, same = Q(), Q()
    for field, raw in zip(key, values, strict=True):
        name = field.lstrip("-")
        value = _value(model, name, raw)
        step = "lt" if field.startswith("-") else "gt"
        result |= same & Q(**{f"{name}__{step}": value})
        same &= Q(**{name: value})
    return result


def _value(model: type[Model], name: str, raw: object) -> object:
    try:
        value: object = model._meta.get_field(name).to_python(raw)  # type: ignore[union-attr]
        if isinstance(value, str):
            value.encode()  # JSON can carry half a surrogate pair
        if isinstance(value, datetime):
            value = _in_utc(value)
    except (ValidationError, TypeError, ValueError, OverflowError) as error:
        raise _bad_cursor() from error
    if value is None or (isinstance(value, str) and "\x00" in value):
        raise _bad_cursor()
    return value


def _in_utc(value: datetime) -> datetime:
    """Raises ValueError or OverflowError for a time without a zone, or outside the years 1 to 9999."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)


def _encode(row: Model, key: Sequence[str]) -> str:
    values = [getattr(row, field.lstrip("-")) for field in key]
    plain = [v if isinstance(v, str | int | float) else str(v) for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str) -> list[object]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise _bad_cursor() from error
    if not isinstance(values, list):
        raise _bad_cursor()
    return values


def _bad_cursor() -> Problem:
    return Problem(400, "bad-cursor", _("This cursor is not valid here. Start again without one."))
