"""Prices as administrators keep them: noted, changed, taken away, in and out as a file."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from usage import amounts
from usage.cells import plain, safe
from usage.models import Price

COLUMNS = ("kind", "name", "since", "amount", "cached", "written", "months", "source")
MOST_BYTES = 200_000
MOST = 500
#: So that eight digits stand before the point in the database.
MOST_AMOUNT = Decimal(10**8)
MOST_MONTHS = 600
_PLACES = Decimal(10) ** -6


@dataclass(frozen=True, slots=True)
class Draft:
    """A price as somebody wrote it down; the columns of models.Price."""

    kind: str
    since: date
    amount: Decimal
    name: str = ""
    cached: Decimal | None = None
    written: Decimal | None = None
    months: int | None = None
    source: str = ""


def require_admin(actor: User) -> None:
    if not (actor.is_active and actor.is_admin):
        raise PermissionDenied


@transaction.atomic
def note(actor: User, draft: Draft) -> Price:
    """Note a price. One of the same kind, name and day is changed.

    Raises PermissionDenied, or Problem 422 `price-invalid`, 409 `too-many-prices`.
    """
    require_admin(actor)
    price = _save(actor, checked(draft))
    _record_one(actions.PRICE_NOTED, actor, price)
    return price


@transaction.atomic
def remove(actor: User, pk: UUID) -> None:
    """Take a price away; what was shown by it changes. Raises PermissionDenied, Http404."""
    require_admin(actor)
    price = Price.objects.select_for_update().filter(pk=pk).first()
    if price is None:
        raise Http404
    _record_one(actions.PRICE_REMOVED, actor, price)
    price.delete()


@transaction.atomic
def import_prices(actor: User, data: bytes) -> int:
    """All prices of a CSV file, or none. Returns how many.

    Raises PermissionDenied, or Problem 422 `prices-unreadable`, `price-invalid` (with its line),
    409 `too-many-prices`.
    """
    require_admin(actor)
    drafts = list(read(data))
    for draft in drafts:
        _save(actor, draft)
    record(actions.PRICES_IMPORTED, actor=actor, target=("usage", ""), data={"prices": len(drafts)})
    return len(drafts)


def export(prices: Iterable[Price]) -> str:
    """A CSV file that import_prices takes again; safe for spreadsheets, with a BOM."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for price in prices:
        cells = (getattr(price, name) for name in COLUMNS)
        writer.writerow("" if cell is None else safe(_written(cell)) for cell in cells)
    return "\ufeff" + target.getvalue()


def checked(draft: Draft) -> Draft:
    """The draft as it is kept. Raises Problem `price-invalid`."""
    kind = draft.kind
    if kind not in Price.Kind.values:
        raise _invalid(_("The kind must be electricity, api or hardware."))
    name = " ".join(draft.name.split())
    if kind == Price.Kind.ELECTRICITY:
        name = ""
    elif not name:
        raise _invalid(_("Give it a name."))
    if len(name) > 150 or len(draft.source) > 300:
        raise _invalid(_("Name or source is too long."))
    its = replace(draft, name=name, source=" ".join(draft.source.split()))
    if kind == Price.Kind.API:
        return replace(
            its,
            amount=_amount(draft.amount),
            cached=None if draft.cached is None else _amount(draft.cached),
            written=_amount(Decimal(0) if draft.written is None else draft.written),
            months=None,
        )
    its = replace(its, amount=_amount(draft.amount), cached=None, written=None)
    return replace(its, months=_months(draft.months) if kind == Price.Kind.HARDWARE else None)


def read(data: bytes) -> Iterator[Draft]:
    """The prices of a file, checked. Raises Problem."""
    if len(data) > MOST_BYTES:
        raise _unreadable(_("The file is too large."))
    try:
        text = data.decode("utf-8-sig")
        delimiter = _delimiter(text)
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        missing = {"kind", "since", "amount"} - set(rows.fieldnames or ())
        if missing:
            raise _unreadable(_("The first line must name the columns kind, since, amount."))
        # Where commas part the cells, points stand before decimals; else nobody knows.
        decimal = "." if delimiter == "," else ""
        for row in rows:
            yield _draft(row, rows.line_num, decimal)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(_("This is no CSV file in UTF-8.")) from error


def _draft(row: Mapping[str, Any], line: int, decimal: str) -> Draft:
    cells = {name: plain(str(row.get(name) or "")).strip() for name in COLUMNS}

    def amount(name: str) -> Decimal | None:
        return amounts.read(cells[name], decimal) if cells[name] else None

    try:
        draft = Draft(
            kind=cells["kind"].lower(),
            since=date.fromisoformat(cells["since"]),
            amount=amounts.read(cells["amount"], decimal),
            name=cells["name"],
            cached=amount("cached"),
            written=amount("written"),
            months=int(cells["months"]) if cells["months"] else None,
            source=cells["source"],
        )
    except amounts.Unclear as error:
        raise _invalid(f"{_('Line')} {line}: {error.told}") from error
    except ValueError as error:
        told = _("Line %(line)d: write days as 2026-01-31 and amounts as 0.25.") % {"line": line}
        raise _invalid(told) from error
    try:
        return checked(draft)
    except Problem as problem:
        raise _invalid(f"{_('Line')} {line}: {problem.detail}") from problem


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _amount(value: Decimal) -> Decimal:
    if not value.is_finite() or not 0 <= value < MOST_AMOUNT:
        raise _invalid(_("Amounts must be 0 or more, and below 100 million."))
    return value.quantize(_PLACES)


def _months(months: int | None) -> int:
    if months is None or not 1 <= months <= MOST_MONTHS:
        raise _invalid(_("Say over how many months it is written off: 1 to 600."))
    return months


def _save(actor: User, draft: Draft) -> Price:
    values = {
        name: getattr(draft, name) for name in ("amount", "cached", "written", "months", "source")
    }
    price, made = Price.objects.update_or_create(
        kind=draft.kind,
        name=draft.name,
        since=draft.since,
        defaults={**values, "created_by": actor},
    )
    if made and Price.objects.count() > MOST:
        detail = _("There are too many prices. Remove some that are no longer needed.")
        raise Problem(409, "too-many-prices", detail)
    return price


def _record_one(action: str, actor: User, price: Price) -> None:
    names = ("amount", "cached", "written", "months")
    numbers = {
        name: _written(value) for name in names if (value := getattr(price, name)) is not None
    }
    data = {"kind": str(price.kind), "since": price.since.isoformat(), **numbers}
    record(action, actor=actor, target=("price", price.pk), data=data)


def _written(cell: object) -> str:
    """Numbers without the zeros behind them."""
    return f"{cell.normalize():f}" if isinstance(cell, Decimal) else str(cell)


def _invalid(detail: str) -> Problem:
    return Problem(422, "price-invalid", detail)


def _unreadable(detail: str) -> Problem:
    return Problem(422, "prices-unreadable", detail)
