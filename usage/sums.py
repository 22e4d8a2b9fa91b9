"""What the answers of one month come to: together, by group, assistant, model, way, and how it is known."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from usage.figures import NAMES, Figures, after
from usage.models import Answered, AnsweredGroup, MonthTotal
from usage.small import Part, merged

#: In the order of the page. "all" has one line.
BY = ("all", "group", "assistant", "model", "way", "known")
_SUMMED = NAMES[2:]


@dataclass(frozen=True, slots=True)
class Line:
    by: str
    key: str
    name: str
    figures: Figures


def of_month(month: date) -> list[Line]:
    """By the rows that are there, or what was kept of them. Groups and assistants of few people are told
    together (usage/small.py), in both."""
    kept = MonthTotal.objects.filter(month=month)
    if lines := [_kept(row) for row in kept.order_by("id")]:
        return lines
    return counted(rows_of(month))


def rows_of(month: date) -> QuerySet[Answered]:
    return Answered.objects.filter(at__gte=_start(month), at__lt=_start(after(month))).order_by()


def counted(rows: QuerySet[Answered]) -> list[Line]:
    whole = figures_of(rows.aggregate(**aggregates()))
    if not whole.answers:
        return []
    lines = [Line("all", "", "", whole)]
    least = settings.USAGE_LEAST_PEOPLE
    for by, parts in (("group", _groups(rows)), ("assistant", _assistants(rows))):
        lines += [Line(by, part.key, part.name, part.figures) for part in merged(parts, least)]
    for by in ("model", "way", "known"):
        found = rows.values(by).annotate(**aggregates()).order_by(by)
        lines += [Line(by, row[by], row[by], figures_of(row)) for row in found]
    return lines


def _groups(rows: QuerySet[Answered]) -> Iterator[Part]:
    """An answer of somebody in two groups counts in both; one of nobody's, or of no group, under ""."""
    links = AnsweredGroup.objects.filter(answered__in=rows)
    people = _people(links.values_list("group", "answered__user_id").distinct())
    found = links.values("group").annotate(name=Max("name"), **aggregates("answered__"))
    for row in found.order_by("group"):
        yield Part(str(row["group"]), row["name"], figures_of(row), people[row["group"]])
    none = rows.filter(groups__isnull=True)
    if (figures := figures_of(none.aggregate(**aggregates()))).answers:
        users = none.filter(user__isnull=False).values_list("user_id", flat=True).distinct()
        yield Part("", "", figures, frozenset(users))


def _assistants(rows: QuerySet[Answered]) -> Iterator[Part]:
    people = _people(rows.values_list("assistant", "user_id").distinct())
    found = rows.values("assistant").annotate(name=Max("assistant_name"), **aggregates())
    for row in found.order_by("assistant"):
        key = row["assistant"]
        yield Part(str(key or ""), row["name"] if key else "", figures_of(row), people[key])


def _people(pairs: Any) -> dict[object, frozenset[object]]:
    found = defaultdict[object, set[object]](set)
    for key, user in pairs:
        if user:
            found[key].add(user)
    return defaultdict(frozenset, {key: frozenset(users) for key, users in found.items()})


def aggregates(path: str = "") -> dict[str, Any]:
    silent = Q(**{f"{path}generations__gt": 0, f"{path}known": Answered.Known.NONE})
    sums: dict[str, Any] = {f"sum_{name}": Sum(f"{path}{name}", default=0) for name in _SUMMED}
    return sums | {"sum_answers": Count("pk"), "sum_unmeasured": Count("pk", filter=silent)}


def figures_of(row: Any) -> Figures:
    return Figures(*(row[f"sum_{name}"] for name in NAMES))


def _kept(row: MonthTotal) -> Line:
    return Line(row.by, row.key, row.name, Figures(*(getattr(row, name) for name in NAMES)))


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
