"""Single answers become totals of their month, in which nobody's name stands. Legal holds win."""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
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
    if not (count := _locked(month)):
        return 0
    found = rows_of(month)
    if found.filter(holds.covering(user="user_id")).exists():
        return 0
    _write_down(month)
    found.delete()
    target = ("usage", month.isoformat()[:7])
    record(actions.USAGE_MERGED, target=target, data={"rows": count})
    return count


@transaction.atomic
def stand(user: User) -> None:
    """Before somebody goes: the months that are over, with answers of hers, are to say the same for good."""
    today = timezone.localdate()
    for at in Answered.objects.filter(user=user).order_by().datetimes("at", "month"):
        if after(month := first_of(at.date())) <= today and _locked(month):
            _write_down(month)


def _locked(month: date) -> int:
    """How many rows it has; whoever else wants to change them waits."""
    rows = rows_of(month).order_by("pk").select_for_update(of=("self",))
    return len(rows.values_list("pk", flat=True))


def _write_down(month: date) -> None:
    """Its totals, once: what came later, by a clock that was put back, is not in them."""
    if MonthTotal.objects.filter(month=month).exists():
        return
    MonthTotal.objects.bulk_create(
        MonthTotal(
            month=month,
            by=line.by,
            key=line.key,
            name=line.name,
            **{name: getattr(line.figures, name) for name in NAMES},
        )
        for line in counted(rows_of(month))
    )
