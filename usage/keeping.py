"""Single answers become totals of their month, in which nobody's name stands. Legal holds win."""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest import holds
from usage.figures import NAMES, after, first_of
from usage.models import Answered, MonthTotal
from usage.sums import counted, rows_of


def merge_old() -> int:
    """Merge each month that is over for longer than SOVEREIGN_KEEP_USAGE_DAYS; returns how many rows went.

    A month in which an answer of a held person stands waits. May run twice at once.
    """
    if not settings.KEEP_USAGE_DAYS:
        return 0
    limit = timezone.localdate() - timedelta(days=settings.KEEP_USAGE_DAYS)
    gone = 0
    for at in Answered.objects.order_by().datetimes("at", "month"):
        if after(month := first_of(at.date())) <= limit:
            gone += merge(month)
    return gone


@transaction.atomic
def merge(month: date) -> int:
    """Write the month's totals down and take its rows away; 0 where a hold is in the way."""
    holds.stand_still()
    rows = list(rows_of(month).select_for_update(of=("self",)).values_list("pk", flat=True))
    found = rows_of(month)
    if not rows or found.filter(holds.covering(user="user_id")).exists():
        return 0
    # A month that was merged before holds what came late by a clock that was put back: it stays as it was.
    if not MonthTotal.objects.filter(month=month).exists():
        MonthTotal.objects.bulk_create(
            MonthTotal(
                month=month,
                by=line.by,
                key=line.key,
                name=line.name,
                **{name: getattr(line.figures, name) for name in NAMES},
            )
            for line in counted(found)
        )
    found.delete()
    target = ("usage", month.isoformat()[:7])
    record(actions.USAGE_MERGED, target=target, data={"rows": len(rows)})
    return len(rows)
