"""The lexical index in PostgreSQL: a tsvector of our own terms, and BM25 in Python.

PostgreSQL's ts_rank knows no document frequency. So it gives the chunks that hold most of the
question's weight, 200 at least, and they are scored here. Positions of the context line carry weight
A, those of the text weight D.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from ingest.hits import Hit
from ingest.lexical_terms import Row, Scope

#: Chunks that are scored, or more where more are asked for.
CANDIDATES = 200
CONTEXT_WEIGHT = 1.5
K1, B = 1.2, 0.75
#: Limits of a tsvector: the largest position, and how many a lexeme may have.
MAX_POSITION, MAX_POSITIONS = 16_383, 255


class PostgresIndex:
    def add(self, rows: Sequence[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ingest_lexical (chunk, document, index, collection, length, terms)"
                " VALUES (%s, %s, %s, %s, %s, %s::tsvector)",
                [
                    (
                        row.chunk,
                        row.document,
                        row.index,
                        row.collection,
                        len(row.context) + len(row.text),
                        _vector(row),
                    )
                    for row in rows
                ],
            )

    def remove_document(self, document_id: UUID, index_id: UUID | None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM ingest_lexical WHERE document = %s AND index = coalesce(%s, index)",
                [document_id, index_id],
            )

    def remove_index(self, index_id: UUID) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM ingest_lexical WHERE index = %s", [index_id])

    def remove_collection(self, collection_id: UUID) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM ingest_lexical WHERE collection = %s", [collection_id])

    def forget(self) -> None:
        """PostgreSQL's autovacuum does it: docs/retention.md."""

    def frequencies(self, terms: Sequence[str], scope: Scope) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT term, (SELECT count(*) FROM ingest_lexical"
                "  WHERE terms @@ term::tsquery AND index = %s AND collection = ANY(%s))"
                " FROM unnest(%s::text[]) AS term",
                [scope.index, list(scope.collections), list(terms)],
            )
            return dict(cursor.fetchall())

    def search(self, frequencies: dict[str, int], scope: Scope, limit: int) -> list[Hit]:
        total, mean = self._size(scope)
        rarity = {
            term: math.log(1 + (total - count + 0.5) / (count + 0.5))
            for term, count in frequencies.items()
        }
        found: dict[UUID, float] = defaultdict(float)
        for chunk, length, term, weights in self._candidates(rarity, scope, max(CANDIDATES, limit)):
            tf = sum(CONTEXT_WEIGHT if weight == "A" else 1.0 for weight in weights)
            norm = K1 * (1 - B + B * length / mean)
            found[chunk] += rarity[term] * tf * (K1 + 1) / (tf + norm)
        best = heapq.nlargest(limit, found.items(), key=lambda item: item[1])
        return [Hit(chunk, score) for chunk, score in best]

    def _size(self, scope: Scope) -> tuple[int, float]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), coalesce(avg(length), 1)::float8 FROM ingest_lexical"
                " WHERE index = %s AND collection = ANY(%s)",
                [scope.index, list(scope.collections)],
            )
            total, mean = cursor.fetchone()
        return total, max(mean, 1.0)

    def _candidates(
        self,
        rarity: dict[str, float],
        scope: Scope,
        most: int,
    ) -> Iterable[tuple[UUID, int, str, list[str]]]:
        """(chunk, length, term, weights of its positions) of the best `most` chunks."""
        terms = list(rarity)
        documents = None if scope.documents is None else list(scope.documents)
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH asked AS (SELECT * FROM unnest(%s::text[], %s::float8[]) AS a(term, rarity)),"
                " best AS (SELECT chunk, length, terms FROM ingest_lexical l"
                "  WHERE terms @@ %s::tsquery AND index = %s AND collection = ANY(%s)"
                "   AND (%s::uuid[] IS NULL OR document = ANY(%s))"
                "  ORDER BY (SELECT sum(rarity) FROM asked WHERE l.terms @@ term::tsquery) DESC,"
                "   length LIMIT %s)"
                " SELECT best.chunk, best.length, u.lexeme, u.weights"
                " FROM best, unnest(best.terms) AS u WHERE u.lexeme = ANY(%s)",
                [
                    terms,
                    list(rarity.values()),
                    " | ".join(terms),
                    scope.index,
                    list(scope.collections),
                    documents,
                    documents,
                    most,
                    terms,
                ],
            )
            return list(cursor.fetchall())


def _vector(row: Row) -> str:
    """The text form of a tsvector: `'term':1A,7 'other':2`. Terms are `[a-z0-9]+`."""
    positions: dict[str, list[str]] = defaultdict(list)
    marked = [(term, "A") for term in row.context] + [(term, "") for term in row.text]
    for position, (term, weight) in enumerate(marked, start=1):
        if len(positions[term]) < MAX_POSITIONS:
            positions[term].append(f"{min(position, MAX_POSITION)}{weight}")
    return " ".join(f"'{term}':{','.join(places)}" for term, places in positions.items())
