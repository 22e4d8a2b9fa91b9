"""Totals of few people are no totals: they are told together, so that nobody is watched. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from usage.figures import Figures

#: The key of what is told together. No group and no assistant has it: theirs are UUIDs or "".
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Part:
    """A group or an assistant in one month, and whose answers these are, as far as it is known."""

    key: str
    name: str
    figures: Figures
    people: frozenset[object]


def set_apart(groups: Mapping[Any, frozenset[str]], least: int) -> set[Any]:
    """Of people (None: of nobody known) with their groups: whose answers count in none of these.

    Groups overlap: the sum of two less the whole is what those in both took. So those who are in the same
    groups are told together or not at all: no sum or difference of groups is of fewer than so many.
    """
    alike = defaultdict[frozenset[str], set[Any]](set)
    for person, its in groups.items():
        alike[its].add(person)
    by_size = sorted(alike.items(), key=lambda item: (len(item[1] - {None}), sorted(item[0])))
    apart = set[Any]()
    for number, (_its, people) in enumerate(by_size):
        few = len(people - {None}) < least
        if not few and not (number and len(apart - {None}) < least):
            break
        apart |= people
    return apart


def merged(parts: Iterable[Part], least: int) -> list[Part]:
    """The parts with at least so many people; the others as one, the last.

    Where the others are too few together as well, they take the smallest of the rest with them: else
    whoever knows the whole could tell them by the difference.
    """
    by_size = sorted(parts, key=lambda part: (len(part.people), part.key))
    small = [part for part in by_size if len(part.people) < least]
    large = by_size[len(small) :]
    while small and large and len(_people(small)) < least:
        small.append(large.pop(0))
    large.sort(key=lambda part: (-part.figures.answers, part.name, part.key))
    if not small:
        return large
    figures = reduce(add, (part.figures for part in small))
    return [*large, Part(OTHERS, "", figures, _people(small))]


def _people(parts: Sequence[Part]) -> frozenset[object]:
    return frozenset[object]().union(*(part.people for part in parts))
