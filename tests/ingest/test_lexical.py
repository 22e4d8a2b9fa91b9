"""The lexical leg alone: what it finds, what it scores, and that it stays within its scope.

`make test-services` runs this on PostgreSQL, too: both databases are compared with the same plain BM25.
"""

import math
from collections import Counter
from collections.abc import Sequence
from uuid import UUID, uuid4

import numpy as np
import pytest

from accounts.models import User
from ingest import lexical, lexical_plan, lexical_sizes
from ingest.indexes import active
from ingest.lexical_scores import CONTEXT_WEIGHT, K1, B, LexicalHit
from ingest.lexical_terms import Scope
from ingest.models import Chunk, Collection, Document, Index
from ingest.terms import query_terms, terms
from tests import people

pytestmark = pytest.mark.django_db

Texts = Sequence[str]


def held(
    collection: Collection, texts: Texts, *, language: str = "en", name: str = "", context: str = ""
) -> tuple[Document, list[Chunk]]:
    """A ready document with these passages in the index in use, found by words alone."""
    document = people.make_document(collection, name or str(uuid4()), name=name or f"{uuid4()}.txt")
    document.chunks.all().delete()
    Document.objects.filter(pk=document.pk).update(language=language)
    chunks = [
        Chunk(
            index=active(),
            document=document,
            ordinal=place,
            text=text,
            context=context,
            language=language,
            start=0,
            end=len(text),
        )
        for place, text in enumerate(texts)
    ]
    Chunk.objects.bulk_create(chunks)
    lexical.index(document, chunks)
    return document, chunks


def found(question: str, *collections: Collection, limit: int = 10) -> list[LexicalHit]:
    return lexical.search(question, [each.pk for each in collections], limit, index=active().pk)


def texts_of(hits: Sequence[LexicalHit]) -> list[str]:
    known = dict(Chunk.objects.filter(id__in=[hit.chunk for hit in hits]).values_list("id", "text"))
    return [known[hit.chunk] for hit in hits]


def plain_bm25(question: str, chunks: Sequence[Chunk]) -> dict[UUID, float]:
    """Every passage scored, without an index."""
    fields = [(terms(chunk.context, "en"), terms(chunk.text, "en")) for chunk in chunks]
    mean = sum(len(c) + len(t) for c, t in fields) / len(fields)
    counts = [Counter(t) for _, t in fields]
    for counted, (context, _) in zip(counts, fields, strict=True):
        for term in context:
            counted[term] += CONTEXT_WEIGHT  # type: ignore[assignment]
    scores: dict[UUID, float] = {}
    for chunk, counted, (context, text) in zip(chunks, counts, fields, strict=True):
        norm = K1 * (1 - B + B * (len(context) + len(text)) / mean)
        for term in query_terms(question, "en"):
            df = sum(term in other for other in counts)
            tf = counted[term]
            if tf:
                idf = math.log(1 + (len(chunks) - df + 0.5) / (df + 0.5))
                scores[chunk.pk] = scores.get(chunk.pk, 0.0) + idf * tf * (K1 + 1) / (tf + norm)
    return scores


def random_texts(count: int, seed: int = 5) -> list[str]:
    """Words as rare as in language: the n-th word is 1/n as frequent as the first."""
    source = np.random.default_rng(seed)
    words = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]
    weights = 1 / np.arange(1, 601)
    lengths = source.integers(20, 90, count)
    return [
        " ".join(source.choice(words, size, p=weights / weights.sum())) for size in lengths.tolist()
    ]


QUESTIONS = [
    "wordaa wordab wordac",
    "wordbz wordaa",
    "wordca wordda wordea wordfa",
    "wordab",
    "wordwx",
]


# --- scores -------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS)
def test_scores_are_those_of_plain_bm25(collection: Collection, question: str) -> None:
    _, chunks = held(collection, random_texts(300), context="wordab guide")
    expected = plain_bm25(question, chunks)
    hits = found(question, collection, limit=300)
    assert {hit.chunk: pytest.approx(hit.score, rel=1e-9) for hit in hits} == expected
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_with_few_rows_read_the_best_are_nearly_the_same(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a hundred times as many passages do: most words are in more rows than are read."""
    monkeypatch.setattr(lexical_plan, "ROWS", 40)
    monkeypatch.setattr(lexical, "CANDIDATES", 40)
    _, chunks = held(collection, random_texts(1_000))
    same = total = 0
    for first, second, third in ("abc", "bdp", "ceu", "aft", "bck", "dgq", "ahw"):
        question = f"worda{first} wordb{second} wordc{third} worda{third}"
        expected = plain_bm25(question, chunks)
        best = sorted(expected, key=lambda pk: -expected[pk])[:10]
        same += len({hit.chunk for hit in found(question, collection)} & set(best))
        total += 10
    assert same >= 0.8 * total


def test_no_score_tells_what_others_hold(alice: User, collection: Collection) -> None:
    held(
        collection, ["The kestrel nests in towers.", "The heron stands in water.", "Birds of water"]
    )
    before = found("kestrel or heron in water", collection)
    other = people.make_collection(alice, name="Other")
    held(other, ["kestrel kestrel kestrel"] * 50)
    assert found("kestrel or heron in water", collection) == before
    building = Index.objects.create(embedder="another")
    document, _ = held(collection, [])
    chunk = Chunk(index=building, document=document, ordinal=0, text="heron", start=0, end=5)
    chunk.save()
    lexical.index(document, [chunk])
    assert found("kestrel or heron in water", collection) == before
    assert [
        hit.chunk for hit in lexical.search("heron", [collection.pk], 5, index=building.pk)
    ] == [chunk.pk]


def test_common_words_are_counted_again_when_the_collection_has_grown(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical_sizes, "COMMON", 2)
    held(collection, ["the quick heron", "a slow heron", "one more heron", "kestrel"])
    before = found("heron", collection)[0].score
    held(collection, ["nothing of the kind"] * 20)
    assert found("heron", collection)[0].score > 2 * before


def test_a_passage_with_the_words_side_by_side_is_near(collection: Collection) -> None:
    beside, around, apart = (
        "The travel card is blue.",
        "A card for those who travel.",
        "Travel is nice. " + "Something else is written here. " * 5 + "The card.",
    )
    held(collection, [beside, around, apart, "Neither"])
    hits = found("travel card", collection)
    by_text = dict(zip(texts_of(hits), hits, strict=True))
    assert by_text[beside].proximity == 1.0
    assert 0 < by_text[around].proximity < 1
    assert by_text[apart].proximity == 0.0
    assert [hit.coverage for hit in hits] == pytest.approx([1.0, 1.0, 1.0])


def test_coverage_counts_words_that_are_nowhere(collection: Collection) -> None:
    held(collection, ["The travel card is blue.", "Green"])
    (hit,) = found("travel zymurgy", collection)
    assert 0 < hit.coverage < 0.5


# --- scope --------------------------------------------------------------------------------------


@pytest.mark.parametrize("few", [lexical_plan.FEW_DOCUMENTS, 0])
def test_only_the_asked_documents(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    for module in ("ingest.lexical_plan", "ingest.lexical_sqlite"):
        monkeypatch.setattr(f"{module}.FEW_DOCUMENTS", few)
    wanted, (chunk,) = held(collection, ["The heron is here, and many other words of little use."])
    held(collection, ["heron heron heron"] * 600)
    ids = [collection.pk]
    only = frozenset([wanted.pk])
    hits = lexical.search("heron", ids, 5, index=active().pk, documents=only)
    assert [hit.chunk for hit in hits] == [chunk.pk]
    assert lexical.search("heron", ids, 5, index=active().pk, documents=frozenset()) == []


def test_removing_takes_words_and_sizes(alice: User, collection: Collection) -> None:
    index, other = active(), Index.objects.create(embedder="another")
    document, _ = held(collection, ["The heron."])
    chunk = Chunk(index=other, document=document, ordinal=0, text="The heron.", start=0, end=9)
    chunk.save()
    lexical.index(document, [chunk])
    ids = [collection.pk]

    def sizes() -> list[int]:
        scopes = (Scope(each.pk, (collection.pk,)) for each in (index, other))
        return [lexical_sizes.of(scope)[0] for scope in scopes]

    assert sizes() == [1, 1]
    lexical.remove_document(document.pk, index=index.pk)
    assert lexical.search("heron", ids, 5, index=index.pk) == []
    assert lexical.search("heron", ids, 5, index=other.pk)
    assert sizes() == [0, 1]
    while not lexical.remove_some(other.pk, 1):
        pass
    assert lexical.search("heron", ids, 5, index=other.pk) == []
    lexical.index(document, [chunk])
    lexical.remove_collection(collection.pk)
    assert lexical.search("heron", ids, 5, index=other.pk) == [] and sizes() == [0, 0]


def test_a_question_in_another_language_finds_names_and_numbers(collection: Collection) -> None:
    held(
        collection,
        [
            "Die Reisekosten nach Formular GS-13/b trägt die Kestrel GmbH bis 10.000,00 Euro.",
            "Der Urlaubsantrag wird schriftlich gestellt und von der Leitung genehmigt.",
        ],
        language="de",
    )
    for question in ("Who pays for GS13/b?", "What does Kestrel pay?", "limit of 10,000 euros"):
        assert texts_of(found(question, collection))[0].startswith("Die Reisekosten")


def test_a_question_without_spaces_is_bounded_like_any_other() -> None:
    """Thousands of letters of a script without spaces are thousands of words, each counted."""
    question = "".join(chr(0x4E00 + n) for n in range(3_000))
    assert len(lexical._words(question, ["zh"])) == lexical.MAX_WORDS
