"""A report as CSV and as JSON."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from django.conf import settings
from django.utils import timezone

from usage import money
from usage.cells import safe
from usage.figures import NAMES, Figures
from usage.money import Rates
from usage.report import Report, Row
from usage.sums import Line

Json = dict[str, Any]


def as_csv(report: Report) -> str:
    """A line for each month and part of it; safe for spreadsheets, with a BOM. Hardware: with "all"."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(_head(report.rates))
    for month, lines in report.lines.items():
        for line in lines:
            writer.writerow(safe(cell) for cell in _cells(month, line, report.rates))
    return "\ufeff" + target.getvalue()


def as_json(report: Report) -> Json:
    """As the API has it (usage/schemas.py)."""
    return {
        "since": report.since.isoformat()[:7],
        "until": report.until.isoformat()[:7],
        "currency": settings.CURRENCY,
        "least_people": settings.USAGE_LEAST_PEOPLE,
        "total": row_json(report.total),
        "months": [row_json(row) for row in report.months],
        "parts": {by: [row_json(row) for row in rows] for by, rows in report.parts.items()},
    }


def row_json(row: Row) -> Json:
    return {
        "key": row.key,
        "name": row.name,
        **figures_json(row.figures),
        "electricity": row.money.electricity,
        "hardware": row.money.hardware,
        "api": [{"name": name, "amount": amount} for name, amount in row.money.api.items()],
    }


def figures_json(figures: Figures) -> Json:
    kwh = figures.kwh
    return asdict(figures) | {"watt_hours": None if kwh is None else figures.watt_hours}


def _head(rates: Rates) -> list[str]:
    names = [f"api: {name}" for name in rates.api]
    cost = [f"electricity {settings.CURRENCY}", f"hardware {settings.CURRENCY}"]
    return [safe(cell) for cell in ["month", "by", "key", "name", *NAMES, *cost, *names]]


def _cells(month: date, line: Line, rates: Rates) -> Iterator[str]:
    cost = money.of_month(rates, month, line.figures, timezone.localdate())
    yield from (month.isoformat()[:7], line.by, line.key, line.name)
    for name in NAMES:
        value = getattr(line.figures, name)
        yield f"{value:.3f}" if isinstance(value, float) else str(value)
    yield _amount(cost.electricity)
    yield _amount(cost.hardware if line.by == "all" else None)
    for name in rates.api:
        yield _amount(cost.api.get(name))


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
