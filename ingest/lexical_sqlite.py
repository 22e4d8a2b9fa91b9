"""The lexical index in SQLite's FTS5.

The column `scope` holds two tokens, one for the collection in an index and one for the document, so
that FTS5 itself narrows a search and finds the rows of a document to delete.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from ingest.hits import Hit
from ingest.lexical_terms import Row, Scope
from ingest.models import Index

#: Of scope, context and text. A word in a title or heading says more than one in running text.
WEIGHTS = (0.0, 1.5, 1.0)
#: Terms of one lookup: SQLite allows only so many parts of a compound SELECT.
LOOKUP = 200
#: Pages of one step of a merge: others wait for the database meanwhile.
MERGE_PAGES = 500
MOST_MERGES = 100_000
_MATCHES = "FROM ingest_lexical WHERE ingest_lexical MATCH %s"
# bm25() is negative: the smaller, the better.
_SCORES = f"SELECT rowid, -bm25(ingest_lexical, %s, %s, %s) {_MATCHES}"


def _collection(index: UUID, pk: UUID) -> str:
    return f"{index.hex}collection{pk.hex}"


def _index(pk: UUID) -> str:
    """What every token of a collection in this index begins with, for a query."""
    return f'scope : "{pk.hex}collection" *'


def _document(pk: UUID) -> str:
    return f"document{pk.hex}"


def _any_of(tokens: Sequence[str]) -> str:
    return "(" + " OR ".join(f'"{token}"' for token in tokens) + ")"


def _scope(scope: Scope) -> str:
    """The rows whose words are counted."""
    return f"scope : {_any_of([_collection(scope.index, pk) for pk in scope.collections])}"


def _query(scope: Scope, term: str) -> str:
    return f'{_scope(scope)} AND {{context text}} : "{term}"'


def _narrowed(scope: Scope, query: str) -> str:
    if scope.documents is None:
        return query
    return f"scope : {_any_of([_document(pk) for pk in scope.documents])} AND {query}"


class SqliteIndex:
    def add(self, rows: Sequence[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ingest_lexical (scope, context, text, chunk) VALUES (%s, %s, %s, %s)",
                [
                    (
                        f"{_collection(row.index, row.collection)} {_document(row.document)}",
                        " ".join(row.context),
                        " ".join(row.text),
                        row.chunk.hex,
                    )
                    for row in rows
                ],
            )

    def remove_document(self, document_id: UUID, index_id: UUID | None) -> None:
        query = f'scope : "{_document(document_id)}"'
        self._remove(query if index_id is None else f"{query} AND {_index(index_id)}")

    def remove_index(self, index_id: UUID) -> None:
        self._remove(_index(index_id))

    def remove_collection(self, collection_id: UUID) -> None:
        for index in Index.objects.values_list("pk", flat=True):
            self._remove(f'scope : "{_collection(index, collection_id)}"')

    def _remove(self, query: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM ingest_lexical WHERE rowid IN"
                " (SELECT rowid FROM ingest_lexical WHERE ingest_lexical MATCH %s)",
                [query],
            )

    def forget(self) -> None:
        """FTS5 notes a removal beside the words and drops both when it merges its segments, which may
        be never. A negative number begins to merge all of them into one; positive ones go on until
        nothing changes, each step in a transaction of its own.
        """
        pages = -MERGE_PAGES
        for _step in range(MOST_MERGES):
            with connection.cursor() as cursor:
                changed = cursor.connection.total_changes
                cursor.execute(
                    "INSERT INTO ingest_lexical (ingest_lexical, rank) VALUES ('merge', %s)",
                    [pages],
                )
                # Fewer than two: the statement itself, and no segment. https://sqlite.org/fts5.html
                if pages > 0 and cursor.connection.total_changes - changed < 2:
                    break
            pages = MERGE_PAGES
        with connection.cursor() as cursor:
            # The log of writes keeps old pages until it begins anew.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def frequencies(self, terms: Sequence[str], scope: Scope) -> dict[str, int]:
        """In these collections alone: counts of others would tell what a person may not know."""
        with connection.cursor() as cursor:
            known = _everywhere(cursor, terms)
            counts = {
                term: _number(cursor, f"SELECT count(*) {_MATCHES}", _query(scope, term))
                for term in known
            }
        return {term: count for term, count in counts.items() if count}

    def search(self, frequencies: dict[str, int], scope: Scope, limit: int) -> list[Hit]:
        """FTS5 weighs a term by how rare it is in the whole table: the order of a person's own
        documents would tell which words others' hold. Asked for one term alone that weight is a
        factor of the score, which is exchanged here for the rarity within the scope.
        """
        found: dict[int, float] = defaultdict(float)
        with connection.cursor() as cursor:
            everywhere = _everywhere(cursor, list(frequencies))
            every = _number(cursor, "SELECT count(*) FROM ingest_lexical_docsize")
            here = _number(cursor, f"SELECT count(*) {_MATCHES}", _scope(scope))
            for term in frequencies.keys() & everywhere.keys():
                factor = _rarity(here, frequencies[term]) / _rarity(every, everywhere[term])
                cursor.execute(_SCORES, [*WEIGHTS, _narrowed(scope, _query(scope, term))])
                for row, score in cursor.fetchall():
                    found[row] += factor * score
            best = heapq.nlargest(limit, found.items(), key=lambda item: (item[1], -item[0]))
            chunks = _chunks(cursor, [row for row, _ in best])
        return [Hit(chunks[row], score) for row, score in best if row in chunks]


def _everywhere(cursor: Any, terms: Sequence[str]) -> dict[str, int]:
    """In how many rows of the whole table each term is. Never for a caller to see."""
    found: dict[str, int] = {}
    for start in range(0, len(terms), LOOKUP):
        part = list(terms[start : start + LOOKUP])
        marks = ", ".join(["%s"] * len(part))
        cursor.execute(
            f"SELECT term, doc FROM ingest_lexical_terms WHERE term IN ({marks})",  # noqa: S608
            part,
        )
        found.update(cursor.fetchall())
    return found


def _number(cursor: Any, sql: str, *values: str) -> int:
    cursor.execute(sql, list(values))
    return int(cursor.fetchone()[0])


def _rarity(total: int, count: int) -> float:
    """The weight that FTS5's bm25() gives a term, its floor included."""
    ratio = (total - count + 0.5) / (count + 0.5)
    return math.log(ratio) if ratio > 1 else 1e-6


def _chunks(cursor: Any, rows: Sequence[int]) -> dict[int, UUID]:
    marks = ", ".join(["%s"] * len(rows))
    cursor.execute(
        f"SELECT rowid, chunk FROM ingest_lexical WHERE rowid IN ({marks})",  # noqa: S608
        list(rows),
    )
    return {row: UUID(chunk) for row, chunk in cursor.fetchall()}
