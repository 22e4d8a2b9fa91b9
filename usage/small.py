"""Totals of few people are no totals: they are told together, so that nobody is watched. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

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
