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
from usage.small import OTHERS, Part, merged, set_apart

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
    told = {"group": _groups(rows, least), "assistant": merged(_assistants(rows), least)}
    for by, parts in told.items():
        lines += [Line(by, part.key, part.name, part.figures) for part in parts]
    for by in ("model", "way", "known"):
        found = rows.values(by).annotate(**aggregates()).order_by(by)
        lines += [Line(by, row[by], row[by], figures_of(row)) for row in found]
    return lines


def _groups(rows: QuerySet[Answered], least: int) -> list[Part]:
    """An answer of somebody in two groups counts in both; one of nobody's, or of no group, under "". Those
    of people who would be seen by differences count with the others alone."""
    found, names = _by_person(rows)
    groups = defaultdict[Any, set[str]](set)
    for key, user in found:
        groups[user].add(key)
    apart = set_apart({user: frozenset(keys) for user, keys in groups.items()}, least)
    figures, people = defaultdict[str, Figures](Figures), defaultdict[str, set[object]](set)
    for (key, user), each in found.items():
        if user not in apart:
            figures[key] += each
            people[key] |= {user} - {None}
    parts = [Part(key, names[key], figures[key], frozenset(people[key])) for key in figures]
    parts.sort(key=lambda part: (-part.figures.answers, part.name, part.key))
    if apart:
        every = rows.values("user_id").annotate(**aggregates())
        theirs = (figures_of(row) for row in every if row["user_id"] in apart)
        parts.append(Part(OTHERS, "", sum(theirs, Figures()), frozenset(apart - {None})))
    return parts


def _by_person(rows: QuerySet[Answered]) -> tuple[dict[tuple[str, Any], Figures], dict[str, str]]:
    """Figures by group ("": none) and person (None: of nobody known); the groups' names."""
    found, names = dict[tuple[str, Any], Figures](), {"": ""}
    links = AnsweredGroup.objects.filter(answered__in=rows).order_by()
    each = links.values("group", "answered__user_id").annotate(
        said=Max("name"), **aggregates("answered__")
    )
    for row in each:
        key = str(row["group"])
        found[key, row["answered__user_id"]] = figures_of(row)
        names[key] = max(row["said"], names.get(key, ""))
    none = rows.filter(groups__isnull=True).values("user_id").annotate(**aggregates())
    found |= {("", row["user_id"]): figures_of(row) for row in none}
    return found, names


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
