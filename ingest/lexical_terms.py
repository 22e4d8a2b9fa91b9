"""Terms in a form that every database keeps whole."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

#: An own copy is enough: words longer than this are data, and PostgreSQL refuses 2 kB.
MAX_TERM = 100
_PLAIN = re.compile(r"(?!0x)[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One chunk of the index: the terms of its context line and of its text, encoded."""

    chunk: UUID
    document: UUID
    index: UUID
    collection: UUID
    context: list[str]
    text: list[str]

    @property
    def length(self) -> int:
        return len(self.context) + len(self.text)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a search looks: passages of one index in some collections; of some documents alone, where
    `documents` is given. Words are counted in the collections and the index, whatever the documents.
    """

    index: UUID
    collections: tuple[UUID, ...]
    documents: frozenset[UUID] | None = None


def encode(term: str) -> str:
    """`term` as `[a-z0-9]+`: a tokeniser would split `ab-12/c` and any letter newer than itself."""
    term = term[:MAX_TERM]
    return term if _PLAIN.fullmatch(term) else f"0x{term.encode().hex()}"


def encoded(terms: Iterable[str]) -> list[str]:
    return [encode(term) for term in terms if term]
