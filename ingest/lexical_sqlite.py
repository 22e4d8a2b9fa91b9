"""The lexical index in SQLite's FTS5.

The column `scope` holds two tokens, one for the collection in an index and one for the document, so
that FTS5 itself narrows a search and finds the rows of a document to delete.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection

from ingest.lexical_plan import FEW_DOCUMENTS, split, together
from ingest.lexical_scores import Found
from ingest.lexical_terms import Row, Scope
from ingest.models import Index

#: Rows of one lookup: SQLite allows only so many parameters.
LOOKUP = 500
#: Pages of one step of a merge: others wait for the database meanwhile.
MERGE_PAGES = 500
MOST_MERGES = 100_000
_MATCHES = "FROM ingest_lexical WHERE ingest_lexical MATCH %s"


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

    def elsewhere(self, terms: Sequence[str], document_id: UUID) -> set[str]:
        own = f'(scope : "{_document(document_id)}")'
        found = set()
        with connection.cursor() as cursor:
            for term in terms:
                query = f'({{context text}} : "{term}") NOT {own}'
                cursor.execute(f"SELECT 1 {_MATCHES} LIMIT 1", [query])
                if cursor.fetchone():
                    found.add(term)
        return found

    def remove_some(self, index_id: UUID, most: int) -> int:
        return self._remove(_index(index_id), most)

    def remove_collection(self, collection_id: UUID) -> None:
        for index in Index.objects.values_list("pk", flat=True):
            self._remove(f'scope : "{_collection(index, collection_id)}"')

    def _remove(self, query: str, most: int = -1) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM ingest_lexical WHERE rowid IN"
                " (SELECT rowid FROM ingest_lexical WHERE ingest_lexical MATCH %s LIMIT %s)",
                [query, most],
            )
            return int(cursor.rowcount)

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

    def count(self, terms: Sequence[str], scope: Scope) -> dict[str, int]:
        """In these collections alone: counts of others would tell what a person may not know."""
        with connection.cursor() as cursor:
            return {term: _number(cursor, _query(scope, term)) for term in terms}

    def candidates(
        self, chosen: Mapping[str, int], rarity: Mapping[str, float], scope: Scope, most: int
    ) -> list[Found]:
        """FTS5's own bm25() walks every row of every word, and weighs words by the whole table: the
        order of a person's own documents would tell which words others' hold.
        """
        with _one_state() as cursor:
            weights = _weighed(cursor, chosen, rarity, scope, most)
            best = heapq.nsmallest(most, weights, key=lambda row: (-weights[row], row))
            return _passages(cursor, best)


@contextmanager
def _one_state() -> Iterator[Any]:
    """All that is read within is of one moment: rows that another process writes anew have other numbers
    after that, and would be missed. Not by atomic(), which waits until it may write; and not in memory,
    where threads of a test share one connection."""
    in_memory: bool = connection.is_in_memory_db()  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        if connection.in_atomic_block or in_memory:
            yield cursor
            return
        cursor.execute("BEGIN DEFERRED")
        try:
            yield cursor
        finally:
            cursor.execute("ROLLBACK")


def _weighed(
    cursor: Any,
    chosen: Mapping[str, int],
    rarity: Mapping[str, float],
    scope: Scope,
    most: int,
) -> dict[int, float]:
    """Rows with the weight of the question's words that are known to be in them."""
    found: dict[int, float] = defaultdict(float)
    look = _Look(cursor, scope)
    rare, common = split(chosen, scope, most)
    for term in rare:
        for row in look(f'"{term}"'):
            found[row] += rarity[term]
    for term in common if rare else ():
        for row in look(f'("{term}" AND {_any_of(rare)})'):
            found[row] += rarity[term]
    # Passages without a rare word, but with most of the others.
    for terms in together(common):
        if len(found) >= 2 * most:
            break
        weight = sum(rarity[term] for term in terms)
        for row in look(_all_of(terms), most):
            found[row] = max(found[row], weight)
    return found


class _Look:
    """Looks up words within a scope. Many documents are not named in a query, whose cost would grow with
    their number times that of their rows: of the rows that hold the words it is read whose they are.
    """

    def __init__(self, cursor: Any, scope: Scope) -> None:
        self._cursor = cursor
        self._where = _scope(scope)
        self._among: set[str] | None = None
        self._whose: dict[int, str] = {}
        if scope.documents is None:
            return
        documents = [_document(pk) for pk in scope.documents]
        if len(documents) <= FEW_DOCUMENTS:
            self._where = f"scope : {_any_of(documents)} AND {self._where}"
        else:
            self._among = set(documents)

    def __call__(self, words: str, most: int = -1) -> list[int]:
        query = f"{self._where} AND {{context text}} : {words}"
        if self._among is None:
            return self._rows(query, most)
        rows = self._rows(query, -1)
        self._read([row for row in rows if row not in self._whose])
        return [row for row in rows if self._whose[row] in self._among]

    def _read(self, rows: Sequence[int]) -> None:
        for start in range(0, len(rows), LOOKUP):
            part = list(rows[start : start + LOOKUP])
            marks = ", ".join(["%s"] * len(part))
            self._cursor.execute(
                f"SELECT rowid, scope FROM ingest_lexical WHERE rowid IN ({marks})",  # noqa: S608
                part,
            )
            self._whose |= {row: scope.split()[1] for row, scope in self._cursor.fetchall()}

    def _rows(self, query: str, most: int) -> list[int]:
        self._cursor.execute(f"SELECT rowid {_MATCHES} LIMIT %s", [query, most])
        return [row for (row,) in self._cursor.fetchall()]


def _all_of(terms: Sequence[str]) -> str:
    return "(" + " AND ".join(f'"{term}"' for term in terms) + ")"


def _number(cursor: Any, query: str) -> int:
    cursor.execute(f"SELECT count(*) {_MATCHES}", [query])
    return int(cursor.fetchone()[0])


def _passages(cursor: Any, rows: Sequence[int]) -> list[Found]:
    found = []
    for start in range(0, len(rows), LOOKUP):
        part = rows[start : start + LOOKUP]
        marks = ", ".join(["%s"] * len(part))
        cursor.execute(
            f"SELECT chunk, context, text FROM ingest_lexical WHERE rowid IN ({marks})",  # noqa: S608
            list(part),
        )
        found += [
            _found(UUID(chunk), context.split(), text.split())
            for chunk, context, text in cursor.fetchall()
        ]
    return found


def _found(chunk: UUID, context: Sequence[str], text: Sequence[str]) -> Found:
    return Found(chunk, len(context) + len(text), context, text)
