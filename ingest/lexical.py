"""The lexical index: BM25 over terms that were analysed once, in Python.

Both databases see the same terms, so both find the same passages: SQLite keeps them in FTS5
(ingest/lexical_sqlite.py), PostgreSQL in a tsvector (ingest/lexical_postgres.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

from django.db import connection
from django.db.models import Count

from inference.language import detect_language
from ingest import lexical_sizes
from ingest.access import searchable
from ingest.hits import living
from ingest.lexical_postgres import PostgresIndex
from ingest.lexical_scores import Found, LexicalHit, Word, asked, best
from ingest.lexical_sqlite import SqliteIndex
from ingest.lexical_terms import Row, Scope, encoded
from ingest.models import Chunk, Document
from ingest.terms import query_terms, terms

#: Common words cost most of the time and decide little: with the 12 rarest the score is that of
#: all words (docs/architecture.md has the measurement).
RAREST = 12
#: Passages that are scored, or more where more are asked for.
CANDIDATES = 400
MAX_WORDS = 200
MAX_LANGUAGES = 6


class Index(Protocol):
    """What a database must offer. Terms are plain: `[a-z0-9]+` (lexical_terms.encoded)."""

    def add(self, rows: Sequence[Row]) -> None: ...

    def remove_document(self, document_id: UUID, index_id: UUID | None) -> None:
        """From one index, or from all."""
        ...

    def remove_some(self, index_id: UUID, most: int) -> int:
        """At most `most` rows of an index; returns how many there were."""
        ...

    def remove_collection(self, collection_id: UUID) -> None: ...

    def elsewhere(self, terms: Sequence[str], document_id: UUID) -> set[str]:
        """Those of `terms` that stand in passages of another document, of whatever collection."""
        ...

    def forget(self) -> None:
        """Take the bytes of removed rows out of the database's file. Not inside a transaction."""
        ...

    def count(self, terms: Sequence[str], scope: Scope) -> dict[str, int]:
        """In how many chunks each term is; terms that are nowhere may be left out."""
        ...

    def candidates(
        self, chosen: Mapping[str, int], rarity: Mapping[str, float], scope: Scope, most: int
    ) -> list[Found]:
        """At most `most` chunks with the terms that weigh most. `chosen`: in how many chunks each is."""
        ...


def _index() -> Index:
    return SqliteIndex() if connection.vendor == "sqlite" else PostgresIndex()


def index(document: Document, chunks: Iterable[Chunk]) -> None:
    """Add a document's chunks to the index that each belongs to, which may be one that is being built.
    Call it in the transaction that stores them.
    """
    _add(analysed(document, chunks))


def analysed(document: Document, chunks: Iterable[Chunk]) -> list[Row]:
    """The rows of a document's chunks, for `replace`: the words of thousands take seconds, in which no
    transaction should be open."""
    return [
        Row(
            chunk=chunk.id,
            document=document.id,
            index=chunk.index_id,
            collection=document.collection_id,
            context=encoded(terms(chunk.context, chunk.language)),
            text=encoded(terms(chunk.text, chunk.language)),
        )
        for chunk in chunks
    ]


def replace(document_id: UUID, index: UUID, rows: Sequence[Row]) -> None:
    """Write a document's rows in one index anew. Call it in a transaction: nobody sees it without."""
    remove_document(document_id, index=index)
    _add(rows)


def _add(rows: Sequence[Row]) -> None:
    _index().add(rows)
    lexical_sizes.add(rows)


def remove_document(document_id: UUID, *, index: UUID | None = None) -> None:
    """A document's words leave `index`, or every index where none is given."""
    _index().remove_document(document_id, index)
    lexical_sizes.remove_document(document_id, index)


def elsewhere(terms: Sequence[str], document_id: UUID) -> set[str]:
    """Those of `terms` (encoded) that stand in passages of another document, found or hidden, in any
    collection and index. For what is taken from a document before it is erased; never to be shown.
    """
    return _index().elsewhere(terms, document_id) if terms else set()


def remove_some(index_id: UUID, most: int) -> bool:
    """The words of at most `most` passages of an index, of any collection; True when none are left.

    In one transaction each: others wait for the database meanwhile. Call `forget` after the last.
    """
    if _index().remove_some(index_id, most) >= most:
        return False
    lexical_sizes.remove_index(index_id)
    return True


def forget() -> None:
    """After erasures: take the words of removed rows out of the database's file, too."""
    _index().forget()


def remove_collection(collection_id: UUID) -> None:
    _index().remove_collection(collection_id)
    lexical_sizes.remove_collection(collection_id)


def search(
    question: str,
    collection_ids: Iterable[UUID],
    limit: int,
    *,
    index: UUID,
    documents: frozenset[UUID] | None = None,
) -> list[LexicalHit]:
    """Chunks of findable documents that share the question's rarest words, best first by BM25.

    Of `documents` alone, where they are given: none of them is none found.
    """
    collections = list(collection_ids)
    if not collections or (documents is not None and not documents):
        return []
    scope = Scope(index, tuple(collections), documents)
    languages = languages_of(question, collections)
    # More than asked for: rows of documents that nobody may find are dropped. Of a hidden version of a
    # file, or of what was stopped, there may be hundreds that say what was asked for.
    for wanted in (limit + 20, 8 * limit + 200, 64 * limit + 2_000):
        found = _found(question, scope, wanted, languages)
        alive = living(found, documents)
        if len(alive) >= limit or len(found) < wanted:
            break
    return alive[:limit]


def indexed(
    question: str,
    collections: Sequence[UUID],
    limit: int,
    languages: Sequence[str],
    *,
    index: UUID,
    document: UUID | None = None,
) -> list[LexicalHit]:
    """The same of all rows that the index holds, hidden and dead ones included; of one `document` of
    these collections alone, where it is given.

    `languages`: that of the question first. For the check of what was written (ingest/probe.py);
    never to be shown.
    """
    documents = None if document is None else frozenset([document])
    return _found(question, Scope(index, tuple(collections), documents), limit, languages)


def _found(question: str, scope: Scope, limit: int, languages: Sequence[str]) -> list[LexicalHit]:
    words = _words(question, languages)
    passages, mean = lexical_sizes.of(scope)
    every = sorted({term for word in words for term in word}) if passages else []
    count = partial(_index().count, scope=scope)
    frequencies = lexical_sizes.frequencies(every, scope, passages, count)
    chosen = _rarest(words, frequencies)
    if not chosen:
        return []
    about = asked(words, chosen, passages, mean)
    found = _index().candidates(chosen, about.rarity, scope, max(CANDIDATES, limit))
    return best(about, found, limit)


def languages_of(question: str, collections: Sequence[UUID]) -> list[str]:
    """The question's own language first, then those of the documents, the most common first."""
    rows = (
        Document.objects.filter(searchable(), collection_id__in=collections)
        .order_by()
        .values("language")
        .annotate(count=Count("id"))
        .order_by("-count")[:MAX_LANGUAGES]
    )
    return list(dict.fromkeys([detect_language(question), *(row["language"] for row in rows)]))


def _words(question: str, languages: Sequence[str]) -> list[Word]:
    """The words of a question; each as all the terms that one of the languages makes of it."""
    telling = set(query_terms(question, languages[0]))
    words: dict[Word, None] = {}
    for part in list(dict.fromkeys(question.split()))[:MAX_WORDS]:
        own = terms(part, languages[0])
        if telling.isdisjoint(own):
            continue  # a stop word of the question's language
        words.update(
            dict.fromkeys(_variants([own, *(terms(part, code) for code in languages[1:])]))
        )
    # Scripts without spaces make thousands of one part, and each is counted in the index.
    return list(words)[:MAX_WORDS]


def _variants(readings: Sequence[list[str]]) -> list[Word]:
    """What each language makes of one word, put together term by term where they agree on how many."""
    own, *others = (encoded(reading) for reading in readings)
    alike = [own, *(other for other in others if len(other) == len(own))]
    odd = [term for other in others if len(other) != len(own) for term in other]
    return [frozenset(column) for column in zip(*alike, strict=True)] + [
        frozenset([t]) for t in odd
    ]


def _rarest(words: Sequence[Word], frequencies: dict[str, int]) -> dict[str, int]:
    """The terms of the RAREST words that occur at all, each with its frequency."""
    counted = [(sum(frequencies.get(term, 0) for term in word), word) for word in words]
    occurring = sorted((item for item in counted if item[0]), key=lambda item: item[0])
    return {
        term: frequencies[term]
        for _, word in occurring[:RAREST]
        for term in sorted(word)
        if frequencies.get(term)
    }
