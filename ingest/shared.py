"""Which pieces of an erased document living ones hold as well: no trace of it, but text that they share.

Asked only where something was found: the same file may have come back by hand, and two files that
differ in a word have the same bytes in between.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db import connection

from ingest.bytescan import BLOCK, WINDOW, Canary, Scanner
from ingest.models import Chunk, Document, Extract

#: Rows that are read at a time.
ROWS = 500


def shared(found: Iterable[Canary]) -> set[str]:
    """Of these canaries, those (by their strong hash) that a document holds that nobody erased."""
    scanner, there = Scanner(found), set[str]()
    for data in _held():
        for start in range(0, max(1, len(data)), BLOCK):
            part = data[start : start + BLOCK + WINDOW - 1]
            there |= {one.strong for one in scanner.found(part)}
    files = dict.fromkeys(_originals(), "originals")
    there |= {strong for strong, _place, _kind in scanner.scan(files).found}
    return there


def _living() -> list[str]:
    return [status for status in Document.Status.values if status != Document.Status.ERASING]


def _held() -> Iterator[bytes]:
    chunks = Chunk.objects.filter(document__status__in=_living()).order_by()
    for text, context, vector in chunks.values_list("text", "context", "vector").iterator(ROWS):
        yield f"{context}\n{text}".encode()
        yield f"{context}\n{text}".encode("utf-16-le")
        yield bytes(vector or b"")
    extracts = Extract.objects.filter(document__status__in=_living()).order_by()
    for data in extracts.values_list("data", flat=True).iterator(10):
        yield bytes(data)
    for (name,) in Document.objects.filter(status__in=_living()).values_list("name"):
        yield name.encode()
    yield from _terms()


def _terms() -> Iterator[bytes]:
    """Rows of the word index: those of living documents, for a worker may have written others late."""
    if connection.vendor != "sqlite":
        return
    living = Document.objects.filter(status__in=_living()).order_by().values_list("pk", flat=True)
    known = {pk.hex for pk in living.iterator(ROWS)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT scope, context, text FROM ingest_lexical")
        while rows := cursor.fetchmany(ROWS):
            for scope, context, text in rows:
                if scope.rpartition("document")[2] in known:
                    yield f"{context}\n{text}".encode()


def _originals() -> Iterator[Path]:
    for document in Document.objects.filter(status__in=_living()).only("file").iterator(ROWS):
        if document.file:
            yield Path(document.file.path)
