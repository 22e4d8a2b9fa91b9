"""What this room keeps in memory of documents' words and vectors, and lets go of after an erasure."""

from uuid import UUID

from ingest import exact, lexical_sizes, page_views, terms
from ingest.forgetting import remembered


def forget_words(_collections: frozenset[UUID]) -> None:
    terms.forget()
    lexical_sizes.forget()


def forget_pages(_collections: frozenset[UUID]) -> None:
    """All of them: which file it was, nobody knows any more."""
    page_views.forget()


def remember_all() -> None:
    for forget in (exact.matrices.forget, forget_words, forget_pages):
        remembered(forget)
