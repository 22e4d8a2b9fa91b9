"""A document is ready only when a question in its own words finds it, and one of its own meaning.

Both indexes are asked themselves, past every filter: the document may still be hidden. What they do
not find is written once more.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from inference.protocol import Vectors
from ingest import keep, lexical, store
from ingest.claims import Claim, Work
from ingest.embed import from_bytes
from ingest.hits import Hit
from ingest.models import Chunk, Document, Index
from ingest.parsers.base import ParseError
from ingest.stages import stage
from ingest.terms import MAX_TERM, terms

log = structlog.get_logger(__name__)

#: Passages that are tried: one may say what many documents say.
TRIES = 3
#: The question: the longest words of a passage, which are its rarest, up to so many letters.
QUESTION_WORDS, QUESTION_LETTERS = 16, 300
#: A person sees about so many; a passage below them must be worth as much as the last of them.
SEEN = 20
#: How far down a passage is looked for that has many equals.
DEPTH = 1_000
#: Scores that differ by no more than rounding (float16, and sums in another order) are the same.
WORDS_TIE, VECTOR_TIE = 1e-4, 2e-3


def probe(claim: Claim, document: Document) -> None:
    """Find the document in both indexes; write it anew where it is not found.

    Raises ParseError `not-findable` (trying again later may help), StoreUnavailable, LeaseLost.
    """
    with stage(claim, document, Document.Stage.PROBE):
        check(claim, document, document.chunk_count)


def check(work: Work, document: Document, count: int) -> None:
    """The same, of the `count` passages that it has in the index that is written into."""
    passages = _passages(work.index, document, count)
    legs = ((_by_words, _index_words, _by_words), (_by_vector, _index_vectors, _held))
    for found, write, found_anew in legs:
        if found(document, passages):
            continue
        log.warning("document.not.found", document=str(document.pk), by=found.__name__)
        write(work, document)
        if not found_anew(document, passages):
            raise _not_findable()


def finds(index: Index, document: Document, count: int) -> tuple[bool, bool]:
    """Whether both indexes have the document: by words, by vectors. Nothing is written.

    Raises StoreUnavailable.
    """
    passages = _passages(index, document, count)
    with_vectors = [chunk for chunk in passages if chunk.vector]
    return _by_words(document, passages), not with_vectors or _held(document, with_vectors)


def _not_findable() -> ParseError:
    return ParseError(
        "not-findable",
        _("The document was read, but a search for its own words does not find it. Try again."),
        permanent=False,
    )


def _passages(index: Index, document: Document, count: int) -> list[Chunk]:
    """From the middle, then from the quarters: beginnings and ends are the least typical."""
    wanted = list(dict.fromkeys([count // 2, count // 4, 3 * count // 4]))
    rows = index.chunks.filter(document=document, ordinal__in=wanted[:TRIES])
    found = {chunk.ordinal: chunk for chunk in rows.select_related("index")}
    return [found[ordinal] for ordinal in wanted if ordinal in found]


def _by_words(document: Document, passages: Sequence[Chunk]) -> bool:
    """Whether one of the passages is found by its words; those without any are not asked for."""
    asked = [(chunk, question) for chunk in passages if (question := _question(chunk))]
    return not asked or any(_words_find(document, *each) for each in asked)


def _words_find(document: Document, chunk: Chunk, question: str) -> bool:
    collections = [document.collection_id]
    languages = lexical.languages_of(question, collections)
    languages = list(dict.fromkeys([*languages, chunk.language]))
    index = chunk.index_id
    hits = lexical.indexed(question, collections, DEPTH, languages, index=index)
    if _seen(chunk, hits, WORDS_TIE):
        return True
    if len(hits) < SEEN:
        return False
    # Twenty others say the same in fewer words (forms of one kind): is it there at all?
    own = lexical.indexed(
        question, collections, DEPTH, languages, index=index, document=document.pk
    )
    return any(hit.chunk == chunk.pk for hit in own)


def _question(chunk: Chunk) -> str:
    words = {word[:MAX_TERM] for word in chunk.text.split()}
    longest = sorted(words, key=lambda word: (-len(word), word))
    chosen = list(islice((w for w in longest if terms(w, chunk.language)), QUESTION_WORDS))
    letters = list(accumulate(len(word) for word in chosen))
    enough = bisect_right(letters, QUESTION_LETTERS)
    return " ".join(chosen[: max(1, enough)])


def _by_vector(document: Document, passages: Sequence[Chunk]) -> bool:
    return any(_vector_finds(document, chunk) for chunk in passages if chunk.vector)


def _vector_finds(document: Document, chunk: Chunk) -> bool:
    place = (_whole(chunk), document.collection_id, chunk.index)
    hits = store.indexed(*place, SEEN)
    if len(hits) == SEEN and all(hit.chunk != chunk.pk for hit in hits):
        # Twenty others are as near: is it there at all?
        hits += store.indexed(*place, 1, document=document.pk)
    return _seen(chunk, hits, VECTOR_TIE)


def _whole(chunk: Chunk) -> Vectors:
    whole: Vectors = from_bytes([bytes(chunk.vector or b"")], chunk.index.dimension)[0]
    return whole


def _held(document: Document, passages: Sequence[Chunk]) -> bool:
    """Found, or at least in the index although its graph does not lead there (chroma._apart).

    Up to EXACT_SEARCH_CHUNKS passages no search asks the graph; beyond, its other passages count.
    """
    return _by_vector(document, passages) or any(
        store.indexed(_whole(chunk), document.collection_id, chunk.index, 1, document=document.pk)
        for chunk in passages
        if chunk.vector
    )


def _seen(chunk: Chunk, hits: Sequence[Hit], tie: float) -> bool:
    """Whether the passage is among the first, or worth as much as the last of them."""
    scores = [hit.score for hit in hits if hit.chunk == chunk.pk]
    if not scores:
        return False
    last = hits[min(SEEN, len(hits)) - 1].score
    return scores[0] >= last - tie * abs(last)


# --- repair -------------------------------------------------------------------------------------


def _index_words(work: Work, document: Document) -> None:
    with transaction.atomic():
        work.renew()
        lexical.remove_document(document.pk, index=work.index.pk)
    chunks = document.chunks.filter(index=work.index).order_by("ordinal").defer("vector")
    for part in keep.parts(chunks.count()):
        with transaction.atomic():
            work.renew()
            lexical.index(document, chunks[part])


def _index_vectors(work: Work, document: Document) -> None:
    rows = document.chunks.filter(index=work.index, vector__isnull=False).order_by("ordinal")
    for part in keep.parts(rows.count()):
        work.renew()
        found = list(rows[part])
        size = work.index.dimension
        vectors = [from_bytes([bytes(chunk.vector or b"")], size) for chunk in found]
        store.upsert(document, work.index, [chunk.pk for chunk in found], vectors)
