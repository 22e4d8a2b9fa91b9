"""What one person's own answers took, month by month: hers alone to see."""

from collections.abc import Sequence

from django.db.models.functions import TruncMonth
from django.utils import timezone

from accounts.models import User
from usage import money
from usage.figures import first_of
from usage.models import Answered
from usage.money import Rates
from usage.rates import rates
from usage.report import Row
from usage.sums import aggregates, figures_of


def own(user: User) -> Sequence[Row]:
    """The newest month first; of as many as single answers are kept. Private answers are nobody's."""
    rows = Answered.objects.filter(user=user).order_by()
    found = rows.annotate(month=TruncMonth("at")).values("month").annotate(**aggregates())
    today, its = timezone.localdate(), Rates(electricity=rates().electricity)
    made = []
    for row in found.order_by("-month"):
        month, figures = first_of(timezone.localtime(row["month"]).date()), figures_of(row)
        cost = money.of_month(its, month, figures, today)
        made.append(Row(month.isoformat()[:7], "", figures, cost))
    return made
