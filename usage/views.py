"""Pages of what answers cost: for administrators, and everybody's own."""

from datetime import date

from django.conf import settings
from django.db.models import Min
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import admin_required
from ingest.pages import PageRequest
from usage import charts, words
from usage.exports import as_csv
from usage.figures import first_of
from usage.forms import SpanForm, month_of
from usage.models import Answered, MonthTotal
from usage.own import own
from usage.report import Report, Row, report


@require_safe
@admin_required
def overview(request: PageRequest) -> HttpResponse:
    """Some months: totals, what the same tokens cost elsewhere, charts."""
    found = _asked_for(request)
    measure = request.GET.get("show", "")
    measure = measure if measure in words.MEASURES else "answers"
    chosen = {"since": found.since.isoformat()[:7], "until": found.until.isoformat()[:7]}
    figures = found.total.figures
    context = {
        "form": SpanForm(_oldest(found), initial=chosen),
        "chosen": chosen,
        "measure": measure,
        "measures": words.MEASURES,
        "measured": words.MEASURES[measure],
        "total": _told(found.total),
        "figures": figures,
        "listed": _listed(found.total),
        "columns": charts.columns(found, measure),
        "bars": [charts.bars(found, by, measure) for by in words.PARTS],
        "least": settings.USAGE_LEAST_PEOPLE,
        "keep_days": settings.KEEP_USAGE_DAYS,
        "currency": settings.CURRENCY,
    }
    return render(request, "usage/overview.html", context)


@require_safe
@admin_required
def file(request: PageRequest) -> HttpResponse:
    """The same as CSV."""
    found = _asked_for(request)
    name = f"usage-{found.since:%Y-%m}-{found.until:%Y-%m}.csv"
    return HttpResponse(
        as_csv(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def own_usage(request: PageRequest) -> HttpResponse:
    """What the answers of whoever asks took."""
    rows = own(request.user)
    names = [words.month(row.key) for row in rows]
    context = {"rows": charts.cells(rows, names, "answers"), "keep_days": settings.KEEP_USAGE_DAYS}
    return render(request, "usage/own.html", context)


def _asked_for(request: PageRequest) -> Report:
    return report(month_of(request.GET.get("since")), month_of(request.GET.get("until")))


def _oldest(found: Report) -> date:
    """The first month of which there is anything."""
    first = Answered.objects.aggregate(at=Min("at"))["at"]
    merged = MonthTotal.objects.aggregate(month=Min("month"))["month"]
    days = [timezone.localtime(first).date()] if first else []
    days += [merged] if merged else []
    return min([first_of(day) for day in days] + [found.since])


def _told(row: Row) -> dict[str, str]:
    figures, cost = row.figures, row.money
    share = figures.cached / figures.prompt * 100 if figures.prompt else 0.0
    look = figures.look / figures.tokens * 100 if figures.tokens else 0.0
    each = figures.watt_hours_each
    return {
        "answers": words.number(figures.answers),
        "prompt": words.number(figures.prompt),
        "cached": words.number(share),
        "written": words.number(figures.written),
        "look": words.number(look),
        "seconds": words.hours(figures.seconds),
        "waiting": words.hours(figures.waiting),
        "energy": words.told("energy", figures.kwh if figures.answers else 0.0),
        "each": "" if each is None else words.energy(each),
        "electricity": words.money(cost.electricity),
        "hardware": "" if cost.hardware is None else words.money(cost.hardware),
        "own": words.money(cost.own),
    }


def _listed(row: Row) -> list[tuple[str, str, str]]:
    """Each list price: its name, what it comes to, and how many times our own cost that is."""
    own_cost = row.money.own
    made = []
    for name, amount in row.money.api.items():
        times = words.significant(amount / own_cost) if own_cost else ""
        made.append((name, words.money(amount), times))
    return made
