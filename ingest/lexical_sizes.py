"""How much the lexical index holds of each collection, and how often common words are in it.

Both are of the searched collections and index alone: what others hold must not show in a score.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.db import connection

from ingest.lexical_terms import Row, Scope

#: Words in more passages than this are not counted anew for each question.
COMMON = 1_000
#: A count is good until the passages have become this share more or fewer: BM25 takes its logarithm.
DRIFT = 0.05
MOST_KEPT = 50_000

_kept: dict[tuple[UUID, tuple[UUID, ...], str], tuple[int, int]] = {}


def forget() -> None:
    """Let go of the words that are kept in this process."""
    _kept.clear()


def add(rows: Sequence[Row]) -> None:
    passages: Counter[tuple[UUID, UUID, UUID]] = Counter()
    terms: Counter[tuple[UUID, UUID, UUID]] = Counter()
    for row in rows:
        key = row.index, row.collection, row.document
        passages[key] += 1
        terms[key] += row.length
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ingest_lexical_sizes (of_index, collection, document, passages, terms)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(*(pk.hex for pk in key), passages[key], terms[key]) for key in passages],
        )


def remove_document(document: UUID, index: UUID | None) -> None:
    if index is None:
        _remove("document = %s", document)
    else:
        _remove("document = %s AND of_index = %s", document, index)


def remove_index(index: UUID) -> None:
    _remove("of_index = %s", index)


def remove_collection(collection: UUID) -> None:
    _remove("collection = %s", collection)


def _remove(where: str, *ids: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM ingest_lexical_sizes WHERE {where}",  # noqa: S608
            [pk.hex for pk in ids],
        )


def of(scope: Scope) -> tuple[int, float]:
    """How many passages there are, and their mean length in terms."""
    marks = ", ".join(["%s"] * len(scope.collections))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(passages), sum(terms) FROM ingest_lexical_sizes"  # noqa: S608
            f" WHERE of_index = %s AND collection IN ({marks})",
            [scope.index.hex, *(pk.hex for pk in scope.collections)],
        )
        passages, terms = cursor.fetchone()
    return int(passages or 0), max(1.0, int(terms or 0) / max(1, int(passages or 0)))


def of_document(document: UUID, index: UUID) -> int:
    """How many passages of a document there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(passages) FROM ingest_lexical_sizes WHERE document = %s AND of_index = %s",
            [document.hex, index.hex],
        )
        return int(cursor.fetchone()[0] or 0)


def frequencies(
    terms: Sequence[str],
    scope: Scope,
    passages: int,
    count: Callable[[Sequence[str]], Mapping[str, int]],
) -> dict[str, int]:
    """In how many passages each term is. `count` is asked for those that are not kept."""
    place = scope.index, tuple(sorted(scope.collections))
    found: dict[str, int] = {}
    for term in terms:
        then, kept = _kept.get((*place, term), (0, 0))
        if then and abs(passages - then) <= DRIFT * then:
            found[term] = min(kept, passages)
    counted = count([term for term in terms if term not in found])
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    for term, number in counted.items():
        if number > COMMON:
            _kept[*place, term] = passages, number
    return {term: number for term, number in {**found, **counted}.items() if number}
