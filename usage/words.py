"""Figures and keys in words."""

import math
from collections.abc import Mapping
from datetime import date

from django.conf import settings
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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


def number(amount: float, digits: int = 0) -> str:
    return str(number_format(amount, digits, use_l10n=True, force_grouping=True))


def significant(amount: float) -> str:
    """Three digits that say something, however small."""
    if amount == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(amount)))
    return number(amount, max(0, min(digits, 8)))


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
