"""Pieces of a document that is about to be erased, by which it would be known again: ingest/bytescan.py.

Only what is the document's alone: words that stand in no other document's passages, forms that no
other has. Text that it shares with another one is there as before, and no leak.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.db.models import Q

from ingest import chroma, lexical, vault
from ingest.bytescan import WINDOW, Canary, canary
from ingest.embed import from_bytes
from ingest.lexical_terms import encoded
from ingest.models import Chunk, Document, Extract, SourceItem
from ingest.terms import terms

#: Of each kind, at most.
TEXTS, LEXICAL, VECTORS, STORED, IDS = 12, 8, 6, 4, 4
#: Passages that are looked at, and words that the index is asked for.
PASSAGES, WORDS = 200, 120
#: Documents that may hold the same forms, as some of their passages are the same.
ALIKE = 50
_WORD = re.compile(r"\w{4,}")
#: What JSON writes otherwise.
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


@dataclass(slots=True)
class Pieces:
    """Windows by kind. `texts`: those in plain words, which may stay elsewhere for a reason of its own
    (ingest/forgetting.py)."""

    texts: dict[bytes, str] = field(default_factory=dict)
    others: list[tuple[bytes, str, str]] = field(default_factory=list)

    def canaries(self) -> list[Canary]:
        found = [canary(window, kind) for window, kind in self.texts.items()]
        found += [canary(window, kind, where) for window, kind, where in self.others]
        return list({(one.strong, one.where): one for one in found}.values())


def pieces(document: Document, *, words: bool) -> Pieces:
    """What there is to look for of a document that is still whole. `words`: its words as well, which a
    newer version of the file may share with answers that stay."""
    found = Pieces()
    alike = _alike(document)
    if words:
        _texts(document, found)
        _name(document, found)
    _vectors(document, found)
    _extract(document, alike, found)
    _original(document, alike, found)
    _ids(document, found)
    return found


def counted(canaries: Iterable[Canary]) -> dict[str, int]:
    return dict(Counter(one.kind for one in canaries))


# --- words --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A word in a passage: `term` as the index has it."""

    text: str
    start: int
    word: str
    term: str
    row: Sequence[str]


def _texts(document: Document, found: Pieces) -> None:
    places = _candidates(document)
    common = lexical.elsewhere(sorted({place.term for place in places}), document.pk)
    lexical_left, used = LEXICAL, set[str]()
    for place in places:
        if place.term in common or place.term in used:
            continue
        used.add(place.term)
        for window, kind in _windows(place):
            if sum(each == kind for each in found.texts.values()) < TEXTS:
                found.texts.setdefault(window, kind)
        if lexical_left and (stored := _term_window(place)):
            found.others.append((stored, "terms", ""))
            lexical_left -= 1


def _candidates(document: Document) -> list[_Place]:
    """Words that look rare: with figures, or long, of all parts of the document."""
    best: dict[str, tuple[int, _Place]] = {}
    rows = document.chunks.order_by("ordinal").values_list("text", "language")
    total = max(1, document.chunks.count())
    for text, language in rows[:: max(1, total // PASSAGES)][:PASSAGES]:
        row = encoded(terms(text, language))
        known = set(row)
        for match in _WORD.finditer(text):
            word = match.group()[:20]
            own = [term for term in encoded(terms(word, language)) if term in known]
            if own and own[0] not in best:
                rank = 3 * any(c.isdigit() for c in word) + min(len(word), 16) // 4
                best[own[0]] = (rank, _Place(text, match.start(), word, own[0], row))
    ranked = sorted(best.values(), key=lambda pair: -pair[0])
    return [place for _rank, place in ranked[:WORDS]]


def _windows(place: _Place) -> Iterator[tuple[bytes, str]]:
    """The word and what follows (before it, at the end of the text), as UTF-8 and as UTF-16."""
    for encoding, kind in (("utf-8", "text"), ("utf-16-le", "utf-16")):
        whole = place.text[place.start : place.start + WINDOW].encode(encoding)
        word = len(place.word.encode(encoding))
        if word > WINDOW:
            continue
        end = place.text[: place.start + len(place.word)].encode(encoding)
        for window in (whole[:WINDOW], end[-WINDOW:]):
            if _is_plain(window, encoding):
                yield window, kind
                break


def _is_plain(window: bytes, encoding: str) -> bool:
    """Whether it is whole, cuts through no letter, and is written the same everywhere."""
    try:
        return len(window) == WINDOW and not _ESCAPED.search(window.decode(encoding))
    except UnicodeDecodeError:
        return False


def _term_window(place: _Place) -> bytes | None:
    """The same in the word index of SQLite, which keeps the terms of a passage in their order."""
    at = place.row.index(place.term)
    joined = " ".join(place.row[at : at + WINDOW]).encode()
    if len(joined) < WINDOW:
        joined = " ".join(place.row[: at + 1]).encode()[-WINDOW:]
    whole = len(place.term) <= WINDOW
    return joined[:WINDOW] if whole and len(joined) >= WINDOW else None


def _name(document: Document, found: Pieces) -> None:
    """A long name, where no other document has it, nor a source that may still list the file and leaves
    it out. Short ones are no canary."""
    name = document.name.encode()
    if _is_plain(name[:WINDOW], "utf-8"):
        window = name[:WINDOW].decode()
        others = Document.objects.filter(name__contains=window).exclude(pk=document.pk)
        listed = SourceItem.objects.filter(Q(name__contains=window) | Q(key__contains=window))
        if not others.exists() and not listed.exists():
            found.texts.setdefault(name[:WINDOW], "name")


# --- forms --------------------------------------------------------------------------------------


def _alike(document: Document) -> list[UUID]:
    """Other documents with passages of the same text."""
    own = document.chunks.exclude(digest="").values("digest")
    others = Chunk.objects.filter(digest__in=own).exclude(document=document)
    return list(others.order_by().values_list("document_id", flat=True).distinct()[:ALIKE])


def _vectors(document: Document, found: Pieces) -> None:
    """Of some passages: as the rows have them, as Chroma was given them, as its index has them."""
    rows = document.chunks.filter(vector__isnull=False).order_by("ordinal")
    keys = list(rows.values_list("pk", flat=True))
    for pk in keys[:: max(1, len(keys) // VECTORS)][:VECTORS]:
        chunk = Chunk.objects.select_related("index").get(pk=pk)
        blob = bytes(chunk.vector or b"")
        dimension = chunk.index.dimension
        if not dimension or len(blob) < 2 * dimension:
            continue
        same = Chunk.objects.filter(digest=chunk.digest).exclude(document=document)
        window = _rich(blob[: 2 * dimension], 2)
        if window and chunk.digest and not same.exists():
            found.others.append((window, "vector", "database"))
            found.others.append((window, "vector", "database-log"))
        for given in chroma.stored_forms(chunk.pk, from_bytes([blob], dimension)):
            if window := _rich(given.astype("<f4").tobytes(), 4):
                found.others.append((window, "vector", ""))


def _rich(data: bytes, size: int) -> bytes | None:
    """WINDOW bytes from a whole number on, in which many differ: a row of zeros is everybody's."""
    middle = len(data) // 3 // size * size
    for start in (middle, 0, len(data) - WINDOW):
        window = data[start : start + WINDOW]
        if len(window) == WINDOW and len(set(window)) > WINDOW // 2:
            return window
    return None


def _spread(size: int) -> list[int]:
    """Where windows begin: not at the beginning, which files of a kind share."""
    return [size * part // (STORED + 1) for part in range(1, STORED + 1)]


def _extract(document: Document, alike: Sequence[UUID], found: Pieces) -> None:
    data = Extract.objects.filter(document=document).values_list("data", flat=True).first()
    blob = bytes(data or b"")
    others = Extract.objects.filter(document__in=alike).values_list("data", flat=True)
    known = [bytes(other) for other in others.iterator(chunk_size=10)] if alike else []
    for start in _spread(len(blob)):
        window = blob[start : start + WINDOW]
        if len(window) == WINDOW and not any(window in other for other in known):
            found.others.append((window, "extract", ""))


def _original(document: Document, alike: Sequence[UUID], found: Pieces) -> None:
    """The file as it lies there: encrypted, its bytes are its own; plain, others may have them."""
    with suppress(OSError):
        path = Path(document.file.path)
        size = path.stat().st_size
        with path.open("rb") as file:
            plain = not vault.is_encrypted(file.read(len(vault.MAGIC)))
            same = Document.objects.filter(sha256=document.sha256).exclude(pk=document.pk)
            if plain and (alike or same.exists()):
                return
            for start in _spread(size):
                file.seek(start)
                window = _rich(file.read(2 * WINDOW)[:WINDOW], 1)
                if window:
                    found.others.append((window, "original", ""))


def _ids(document: Document, found: Pieces) -> None:
    """Ids stay in the record; in the vector store nothing of them has a reason to be."""
    keys = list(document.chunks.values_list("pk", flat=True)[:IDS])
    found.others += [(pk.hex[:WINDOW].encode(), "id", "vectors") for pk in (document.pk, *keys)]
