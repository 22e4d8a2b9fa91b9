"""The lexical index in PostgreSQL: a tsvector of our own terms, proposals by GIN.

PostgreSQL's ts_rank knows no document frequency: ingest/lexical_scores.py scores what is proposed.
Positions of the context line carry weight A, those of the text weight D.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import connection

from ingest.lexical_plan import split, together
from ingest.lexical_scores import Found
from ingest.lexical_terms import Row, Scope

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

    def elsewhere(self, terms: Sequence[str], document_id: UUID) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT term FROM unnest(%s::text[]) AS term WHERE EXISTS (SELECT 1 FROM ingest_lexical"
                "  WHERE terms @@ term::tsquery AND document <> %s)",
                [list(terms), document_id],
            )
            return {term for (term,) in cursor.fetchall()}

    def remove_some(self, index_id: UUID, most: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM ingest_lexical WHERE ctid = ANY(ARRAY"
                "(SELECT ctid FROM ingest_lexical WHERE index = %s LIMIT %s))",
                [index_id, most],
            )
            return int(cursor.rowcount)

    def remove_collection(self, collection_id: UUID) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM ingest_lexical WHERE collection = %s", [collection_id])

    def forget(self) -> None:
        """PostgreSQL's autovacuum does it: docs/retention.md."""

    def count(self, terms: Sequence[str], scope: Scope) -> dict[str, int]:
        """In these collections alone: counts of others would tell what a person may not know."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT term, (SELECT count(*) FROM ingest_lexical"
                "  WHERE terms @@ term::tsquery AND index = %s AND collection = ANY(%s))"
                " FROM unnest(%s::text[]) AS term",
                [scope.index, list(scope.collections), list(terms)],
            )
            return dict(cursor.fetchall())

    def candidates(
        self, chosen: Mapping[str, int], rarity: Mapping[str, float], scope: Scope, most: int
    ) -> list[Found]:
        for query in _queries(chosen, scope, most):
            best = self._best(query, rarity, scope, most)
            if len({chunk for chunk, *_ in best}) >= most:
                break
        places: dict[UUID, tuple[dict[int, str], dict[int, str]]] = {}
        lengths: dict[UUID, int] = {}
        for chunk, length, term, positions, weights in best:
            lengths[chunk] = length
            context, text = places.setdefault(chunk, ({}, {}))
            for place, weight in zip(positions, weights, strict=True):
                (context if weight == "A" else text)[place] = term
        return [
            _found(chunk, lengths[chunk], context, text)
            for chunk, (context, text) in places.items()
        ]

    def _best(
        self, query: str, rarity: Mapping[str, float], scope: Scope, most: int
    ) -> list[tuple[UUID, int, str, list[int], list[str]]]:
        """(chunk, length, term, positions, weights of these) of the `most` chunks with most weight."""
        documents = None if scope.documents is None else list(scope.documents)
        weight = " + ".join(["CASE WHEN terms @@ %s::tsquery THEN %s ELSE 0 END"] * len(rarity))
        terms = list(rarity)
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH best AS MATERIALIZED (SELECT chunk, length, terms FROM ingest_lexical"  # noqa: S608
                "  WHERE terms @@ %s::tsquery AND index = %s AND collection = ANY(%s)"
                "   AND (%s::uuid[] IS NULL OR document = ANY(%s))"
                f"  ORDER BY {weight} DESC, length LIMIT %s)"
                " SELECT best.chunk, best.length, u.lexeme, u.positions, u.weights"
                " FROM best, unnest(best.terms) AS u WHERE u.lexeme = ANY(%s)",
                [
                    *(query, scope.index, list(scope.collections), documents, documents),
                    *(value for pair in rarity.items() for value in pair),
                    *(most, terms),
                ],
            )
            return list(cursor.fetchall())


def _queries(chosen: Mapping[str, int], scope: Scope, most: int) -> list[str]:
    """Rows with a rare word or with most of the common ones; then any, where those are too few."""
    rare, common = split(chosen, scope, most)
    least = len(common) - 1 if rare else 2
    some = [f"({' & '.join(t)})" for t in together(common) if len(t) >= min(least, len(common))]
    first = " | ".join([*rare, *some])
    return [first, " | ".join(chosen)] if common else [first]


def _found(chunk: UUID, length: int, context: dict[int, str], text: dict[int, str]) -> Found:
    """Terms at their places; other terms are "". Only the last places of a very long text may clash."""
    last = max(*context, *text, 0, 0)
    start = min(text, default=last + 1)
    places = range(1, last + 1)
    return Found(
        chunk,
        length,
        [context.get(place, "") for place in places if place < start],
        [text.get(place, "") for place in places if place >= start],
    )


def _vector(row: Row) -> str:
    """The text form of a tsvector: `'term':1A,7 'other':2`. Terms are `[a-z0-9]+`."""
    positions: dict[str, list[str]] = defaultdict(list)
    marked = [(term, "A") for term in row.context] + [(term, "") for term in row.text]
    for position, (term, weight) in enumerate(marked, start=1):
        if len(positions[term]) < MAX_POSITIONS:
            positions[term].append(f"{min(position, MAX_POSITION)}{weight}")
    return " ".join(f"'{term}':{','.join(places)}" for term, places in positions.items())
