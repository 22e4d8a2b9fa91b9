"""Which documents are versions of one another, and which is the newer one. Pure.

Two files are versions where their names differ by a version, a date or a word like "draft" alone, or
their titles are equal, and what they say is mostly the same. Text alone makes none: all bulletins of a
series end with the same lines.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import combinations
from pathlib import PurePosixPath
from typing import Literal
from uuid import UUID

from chat.facts.dates import MONTHS
from ingest.terms import fold

#: What tells which of two documents is the newer: the day that the file says of itself, the version
#: in its name, or when it was taken in.
By = Literal["dated", "version", "added"]

#: How much of the shorter of two passages stands in the other, where their names say "v2", "draft".
MARKED = 0.3
#: The same where the names differ by a date, or are equal.
ALIKE = 0.5
#: Words in a row that are compared.
SHINGLE = 3
#: A text of fewer such runs may be in another one by chance.
LONG = 20
#: Letters of a name without its version, from which on it says what the document is about.
LEAST_NAME = 3

_NUMBERED = re.compile(
    r"(?<![^\W_])(?:v|ver|vers|version|versi[oó]n|rev|revision|revisi[oó]n|fassung|stand|edition|ausgabe)"
    r"[ ._-]{0,2}(\d{1,4}(?:[._]\d{1,4}){0,3})(?![^\W_])|\((\d{1,2})\)$",
    re.IGNORECASE,
)
_MONTHS = {fold(month): number for month, number in MONTHS.items()}
_MONTH = "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True))
_DAY = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)[._ -]?(?P<m>0[1-9]|1[0-2])[._ -]?(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?P<d2>0?[1-9]|[12]\d|3[01])[._ -](?P<m2>0?[1-9]|1[0-2])[._ -](?P<y2>(?:19|20)\d\d)(?!\d)"
    r"|(?<!\d)(?P<y3>(?:19|20)\d\d)[._ -](?P<m3>0[1-9]|1[0-2])(?!\d)"
    rf"|(?<![a-z])(?P<name>{_MONTH})[._ -](?P<y4>(?:19|20)\d\d)(?!\d)"
    r"|(?<![a-z\d])(?:fy[._ -]?)?(?P<y5>(?:19|20)\d\d)(?!\d)(?:[._ -]?q(?P<q>[1-4])(?!\d))?"
    r"|(?<![a-z])fy[._ -]?(?P<y6>\d\d)(?!\d)",
)
#: Words of drafts and of what follows them, in the order of their lives.
_STATES = {
    -1: "draft entwurf brouillon borrador wip old alt ancien antiguo archiv archived superseded",
    1: "final endfassung definitiv finale signed approved",
    2: "new neu nouveau nuevo latest updated aktuell current stand",
}
_STATE = {word: rank for rank, words in _STATES.items() for word in words.split()}
_COPY = frozenset(["copy", "kopie", "copie", "copia", "clean", "redline"])
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Edition:
    """A document as far as its age goes. `dated`: the day that its file says of itself; None: none."""

    document: UUID
    name: str
    title: str = ""
    dated: date | None = None
    added: datetime | None = None


@dataclass(frozen=True, slots=True)
class Newer:
    document: UUID
    by: By


@dataclass(frozen=True, slots=True)
class _Name:
    """A name without its version, and what that version is: comparable with another of the same shape."""

    stem: str
    number: tuple[int, ...] = ()
    day: tuple[int, ...] = ()
    state: int = 0

    @property
    def version(self) -> tuple[tuple[int, ...], ...]:
        return self.day, self.number, (self.state,)


def versions(one: Edition, other: Edition, shared: float) -> bool:
    """Whether two documents are versions of one. `shared`: how much of one passage is in the other's."""
    if not _kin(one, other):
        return False
    first, second = _named(one.name), _named(other.name)
    marked = (first.number, first.state) != (second.number, second.state)
    return shared >= (MARKED if _alike(first, second) and marked else ALIKE)


def newer(one: Edition, other: Edition) -> Newer | None:
    """The newer of two documents, and what says so; None where nothing does."""
    if one.dated and other.dated and one.dated != other.dated:
        return Newer(max(one, other, key=lambda each: each.dated or date.min).document, "dated")
    first, second = _named(one.name), _named(other.name)
    if first.stem == second.stem and first.version != second.version:
        later = one if first.version > second.version else other
        return Newer(later.document, "version")
    if one.added and other.added and one.added != other.added:
        return Newer((one if one.added > other.added else other).document, "added")
    return None


def shared(one: str, other: str) -> float:
    """The share of the shorter text's three-word runs that stand in the other; figures do not count."""
    first, second = _runs(one), _runs(other)
    least = min(len(first), len(second))
    share = len(first & second) / least if least else 0.0
    return share if least >= LONG else min(share, ALIKE)


def groups(texts: Sequence[tuple[Edition, str]]) -> Iterator[tuple[int, int]]:
    """Places of two passages each whose documents are versions, and which say mostly the same."""
    for (at, (one, text)), (to, (other, near)) in combinations(enumerate(texts), 2):
        if _kin(one, other) and versions(one, other, shared(text, near)):
            yield at, to


@lru_cache(maxsize=128)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = ["0" if word.isdigit() else word for word in map(fold, _WORDS.findall(text.lower()))]
    return frozenset(
        tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1)) if words
    )


def _kin(one: Edition, other: Edition) -> bool:
    """Whether two documents are called alike."""
    if one.document == other.document:
        return False
    called = (one.name, other.name), (one.title, other.title)
    return any(_alike(_named(first), _named(second)) for first, second in called)


def _alike(one: _Name, other: _Name) -> bool:
    return len(one.stem) >= LEAST_NAME and one.stem == other.stem


@lru_cache(maxsize=512)
def _named(name: str) -> _Name:
    """`Leave_policy v1.2 (draft) 2024-07.docx` -> `leave policy`, 1.2, 2024-07, draft."""
    suffix = PurePosixPath(name).suffix
    plain = fold(name.removesuffix(suffix) if _is_suffix(suffix) else name).lower().strip()
    days = [_day(found) for found in _DAY.finditer(plain)]
    plain = _DAY.sub(" ", plain)
    numbers: list[int] = []
    for found in _NUMBERED.finditer(plain):
        numbers += [int(each) for each in re.findall(r"\d+", found[1] or found[2])]
    words = _WORDS.findall(_NUMBERED.sub(" ", plain))
    states = [_STATE[word] for word in words if word in _STATE]
    kept = [word for word in words if word not in _STATE and word not in _COPY]
    return _Name(
        " ".join(kept), tuple(numbers), max(days, default=()), max(states, key=abs, default=0)
    )


def _is_suffix(suffix: str) -> bool:
    return 1 < len(suffix) <= 6 and suffix[1:].isalnum() and not suffix[1:].isdigit()


def _day(found: re.Match[str]) -> tuple[int, ...]:
    parts = found.groupdict()
    years: Iterable[str | None] = (parts[key] for key in ("y", "y2", "y3", "y4", "y5"))
    year = next((int(each) for each in years if each), 0) or 2000 + int(parts["y6"] or 0)
    if parts["name"]:
        return year, _MONTHS[parts["name"]]
    if parts["q"]:
        return year, 3 * int(parts["q"])
    month, day = parts["m"] or parts["m2"] or parts["m3"], parts["d"] or parts["d2"]
    return (year, *(int(each) for each in (month, day) if each))
