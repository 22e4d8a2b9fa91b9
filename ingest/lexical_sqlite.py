"""The lexical index in SQLite's FTS5.

The column `scope` holds two tokens, one for the collection and one for the document, so that FTS5
itself narrows a search to collections and finds the rows of a document to delete.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from ingest.hits import Hit
from ingest.lexical_terms import Row

#: Of scope, context and text. A word in a title or heading says more than one in running text.
WEIGHTS = (0.0, 1.5, 1.0)
#: Terms of one lookup: SQLite allows only so many parts of a compound SELECT.
LOOKUP = 200


def _collection(pk: UUID) -> str:
    return f"collection{pk.hex}"


def _document(pk: UUID) -> str:
    return f"document{pk.hex}"


def _any_of(tokens: Sequence[str]) -> str:
    return "(" + " OR ".join(f'"{token}"' for token in tokens) + ")"


class SqliteIndex:
    def add(self, rows: Sequence[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ingest_lexical (scope, context, text, chunk) VALUES (%s, %s, %s, %s)",
                [
                    (
                        f"{_collection(row.collection)} {_document(row.document)}",
                        " ".join(row.context),
                        " ".join(row.text),
                        row.chunk.hex,
                    )
                    for row in rows
                ],
            )

    def remove_document(self, document_id: UUID) -> None:
        self._remove(_document(document_id))

    def remove_collection(self, collection_id: UUID) -> None:
        self._remove(_collection(collection_id))

    def _remove(self, scope: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM ingest_lexical WHERE rowid IN"
                " (SELECT rowid FROM ingest_lexical WHERE ingest_lexical MATCH %s)",
                [f'scope : "{scope}"'],
            )

    def frequencies(self, terms: Sequence[str], collections: Sequence[UUID]) -> dict[str, int]:
        """Of all collections: FTS5 counts, and its BM25 weighs, over the whole table."""
        found: dict[str, int] = {}
        with connection.cursor() as cursor:
            for start in range(0, len(terms), LOOKUP):
                part = list(terms[start : start + LOOKUP])
                marks = ", ".join(["%s"] * len(part))
                cursor.execute(
                    f"SELECT term, doc FROM ingest_lexical_terms WHERE term IN ({marks})",  # noqa: S608
                    part,
                )
                found.update(cursor.fetchall())
        return found

    def search(
        self, frequencies: dict[str, int], collections: Sequence[UUID], limit: int
    ) -> list[Hit]:
        scope = _any_of([_collection(pk) for pk in collections])
        query = f"scope : {scope} AND {{context text}} : {_any_of(list(frequencies))}"
        with connection.cursor() as cursor:
            # FTS5's bm25() is negative: the smaller, the better.
            cursor.execute(
                "SELECT chunk, -bm25(ingest_lexical, %s, %s, %s) AS score FROM ingest_lexical"
                " WHERE ingest_lexical MATCH %s ORDER BY score DESC LIMIT %s",
                [*WEIGHTS, query, limit],
            )
            return [Hit(UUID(chunk), score) for chunk, score in cursor.fetchall()]
