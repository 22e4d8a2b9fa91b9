"""Figures and keys in words."""

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.answered import Cost
from usage.models import Answered
from usage.report import Row
from usage.small import OTHERS

#: Of the currencies whose hundredths everybody calls cents: small amounts are told in these.
CENTS = frozenset({"EUR", "USD", "CAD", "AUD", "NZD", "SGD", "HKD"})
#: What charts may show.
MEASURES: Mapping[str, str | Promise] = {
    "answers": gettext_lazy("Answers"),
    "tokens": gettext_lazy("Tokens"),
    "energy": gettext_lazy("Energy"),
    "money": gettext_lazy("Electricity"),
}
#: Parts of a report and their headings.
PARTS: Mapping[str, str | Promise] = {
    "group": gettext_lazy("By group"),
    "assistant": gettext_lazy("By assistant"),
    "model": gettext_lazy("By model"),
    "way": gettext_lazy("By way of asking"),
    "known": gettext_lazy("By how the energy is known"),
}


def name_of(by: str, row: Row) -> str:
    """A part of a report as a reader calls it."""
    if by in ("group", "assistant"):
        return _in_a_group(by, row)
    if by == "model":
        return row.name or _("none")
    labels = dict(Answered.Way.choices if by == "way" else Answered.Known.choices)
    return str(labels.get(row.key, row.key))


def _in_a_group(by: str, row: Row) -> str:
    if row.key == OTHERS:
        return _("Others, together")
    if row.key:
        return row.name
    return _("In no group, or private") if by == "group" else _("Without an assistant")


def month(key: str) -> str:
    """ "2026-03" as March 2026."""
    return date_format(date.fromisoformat(f"{key}-01"), "F Y")


def value(measure: str, row: Row) -> float | None:
    """What a chart draws of a row; None: not known."""
    match measure:
        case "tokens":
            return row.figures.tokens
        case "energy":
            return row.figures.kwh
        case "money":
            return row.money.electricity
    return row.figures.answers


def told(measure: str, amount: float | None) -> str:
    if amount is None:
        return _("not known")
    if measure == "energy":
        return energy(amount * 1_000)
    return money(amount) if measure == "money" else number(amount)


def number(amount: float | Decimal, digits: int = 0) -> str:
    # Rounded here: number_format cuts digits off.
    rounded = Decimal(f"{amount:.{digits}f}")
    return str(number_format(rounded, digits, use_l10n=True, force_grouping=True))


def exact(amount: Decimal | None) -> str:
    """All of its digits, without zeros behind them."""
    if amount is None:
        return ""
    return number(amount, len(f"{amount:f}".rstrip("0").partition(".")[2]))


def significant(amount: float) -> str:
    """Three digits that say something, however small; no zeros behind them."""
    if amount == 0:
        return "0"
    digits = max(0, min(2 - math.floor(math.log10(abs(amount))), 8))
    exact = f"{amount:.{digits}f}"
    kept = len(exact.rstrip("0").partition(".")[2]) if digits else 0
    return number(amount, kept)


def energy(watt_hours: float | None) -> str:
    if watt_hours is None:
        return _("not known")
    if watt_hours >= 1_000:
        return f"{significant(watt_hours / 1_000)} kWh"
    return f"{significant(watt_hours)} Wh"


def money(amount: float | None, currency: str = "") -> str:
    """In the currency of the settings; very little of it in cents where it has some."""
    if amount is None:
        return _("not known")
    currency = currency or settings.CURRENCY
    if 0 < amount < 0.01:
        if currency in CENTS:
            return _("%(amount)s cents") % {"amount": significant(amount * 100)}
        return f"{significant(amount)} {currency}"
    return f"{number(amount, 2)} {currency}"


def hours(seconds: float) -> str:
    if seconds < 120:
        return _("%(n)s s") % {"n": number(seconds)}
    if seconds < 7_200:
        return _("%(n)s min") % {"n": number(seconds / 60)}
    return _("%(n)s h") % {"n": number(seconds / 3_600, 1)}


def said(cost: Cost, tokens: tuple[int, int, int]) -> str:
    """What one answer took, as short as can be; "" where nobody can say more than its tokens."""
    told = [] if cost.watt_hours is None else [energy(cost.watt_hours)]
    if cost.electricity is not None:
        told.append(money(cost.electricity))
    if not told and cost.api:
        told = [_("%(n)s tokens") % {"n": number(tokens[0] + tokens[2])}]
    return ", ".join(told)


def more(cost: Cost, tokens: tuple[int, int, int]) -> tuple[str, ...]:
    """The lines below it: how it is known, the tokens, what they would have cost elsewhere."""
    prompt, cached, written = (number(count) for count in tokens)
    told = {"read": prompt, "cached": cached, "written": written}
    lines = [_("Tokens: %(read)s read, of them %(cached)s cached; %(written)s written") % told]
    if cost.watt_hours is not None:
        known = dict(Answered.Known.choices).get(cost.known, cost.known)
        lines.insert(0, _("Energy: %(known)s") % {"known": known})
    for name, amount in cost.api:
        lines.append(_("By %(name)s: %(amount)s") % {"name": name, "amount": money(amount)})
    return tuple(lines)
