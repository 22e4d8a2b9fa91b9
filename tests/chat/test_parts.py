"""Which parts of passages are read and quoted: pure, then with what a search found."""

from dataclasses import replace

import numpy as np
import pytest

from accounts.models import User
from chat import near
from chat.find import Query, find
from chat.parts import GAP, Part, best_first, quotes, read, sentences_of, telling, text_of
from ingest.models import Chunk, Collection
from tests.chat.conftest import Add

FILLER = "Nothing of interest stands here at all. " * 12


def terms_in(text: str, *terms: str) -> frozenset[str]:
    return frozenset(term for term in terms if term in text)


def test_near_ones_come_first_then_those_with_rare_words() -> None:
    plain = Part(0, 0, 10, near=0.80, rank=0.5)
    nearer = replace(plain, passage=1, near=0.85)
    telling = replace(plain, passage=2, held=frozenset({"meals"}))
    common = replace(plain, passage=3, held=frozenset({"the"}))
    others = [replace(plain, passage=n, near=0.7, held=frozenset({"the"})) for n in range(4, 9)]
    order = [part.passage for part in best_first([plain, nearer, telling, common, *others], 0.3)]
    assert order[:4] == [1, 2, 3, 0]
    assert best_first([], 0.3) == []


def test_what_fits_is_read_and_a_small_part_fills_the_rest() -> None:
    parts = [Part(0, 0, 9), Part(1, 0, 9), Part(0, 20, 29), Part(2, 0, 9)]
    assert read(parts, [50, 50, 50, 10], [10, 10, 10], 130) == [parts[0], parts[1]]
    assert read(parts, [50, 70, 50, 10], [10, 10, 10], 130) == [parts[0], parts[2], parts[3]]
    assert read(parts, [500, 1, 1, 1], [10, 10, 10], 100) == [parts[0]], "one at least"
    assert read([], [], [], 100) == []


def test_parts_are_put_together_in_the_order_of_reading() -> None:
    text = "One. Two. Three. Four."
    assert text_of(text, [Part(0, 5, 9), Part(0, 0, 4)]) == "One. Two."
    assert text_of(text, [Part(0, 17, 22), Part(0, 0, 4)]) == f"One.{GAP}Four."
    assert text_of(text, []) == ""


def test_sentences_stand_as_they_are() -> None:
    text = "  One fine day.\n| a | b |\n\nTwo days later.  "
    said = [text[start:end] for start, end in sentences_of(text, 0, len(text))]
    assert said == ["One fine day.", "| a | b |", "Two days later."]
    assert sentences_of("   ", 0, 3) == []


def test_headings_and_heads_of_tables_are_not_quoted() -> None:
    text = (
        "What the company pays\nCountry | Full day\nNorway | 165 EUR\nSpain | on request\n"
        "Hotels are paid as they cost.\nFrom 2026 on"
    )
    said = [text[start:end] for start, end in telling(text, 0, len(text))]
    assert said == [
        "Norway | 165 EUR",
        "Spain | on request",
        "Hotels are paid as they cost.",
        "From 2026 on",
    ]
    assert telling("Only a heading", 0, 14) == [(0, 14)]
    assert telling("", 0, 0) == []


def test_quotes_are_the_sentences_that_hold_the_words_of_the_question() -> None:
    texts = [FILLER + "The limit for meals is 45 euros a day. " + FILLER, FILLER]
    parts = [Part(n, 0, len(text)) for n, text in enumerate(texts)]
    found = quotes(texts, parts, lambda n, a, b: terms_in(texts[n][a:b], "limit", "meals"))
    said = [texts[part.passage][part.start : part.end] for part in found]
    assert "The limit for meals is 45 euros a day." in said
    assert sum(len(sentence.split()) for sentence in said) <= 77
    assert found == sorted(found, key=lambda part: (part.passage, part.start))
    assert quotes([], [], lambda n, a, b: frozenset()) == []


@pytest.mark.django_db
def test_each_piece_has_its_own_nearness(bob: User, add: Add, collection: Collection) -> None:
    lines = [
        f"Rule {n}: visitors of floor {n} sign the book and wait for guide {n}." for n in range(14)
    ]
    lines[9] = "The kestrel that nests in the tower must not be disturbed before August."
    add("house.txt", " ".join(lines))
    found = find(bob, Query("Where does the kestrel nest?", [collection.pk]), 3)
    assert found.vector is not None
    parts = near.parts(found.passages, found.vector, frozenset({"kestrel"}))
    assert len(parts) > 2 and len({part.near for part in parts}) > 1
    best = max(parts, key=lambda part: part.near)
    assert "kestrel" in found.passages[0].text[best.start : best.end]
    assert [part.held for part in parts if part.held] == [frozenset({"kestrel"})]


@pytest.mark.django_db
def test_without_vectors_words_alone_decide(bob: User, add: Add, collection: Collection) -> None:
    add("leave.md", "# Leave\n\nEvery employee has 28 days of leave.")
    found = find(bob, Query("days of leave", [collection.pk], mode="lexical"), 3)
    assert found.vector is None
    assert {part.near for part in near.parts(found.passages, None, frozenset())} == {0.0}
    vector = np.ones(384, np.float32)
    Chunk.objects.update(vector=np.ones(5, "<f2").tobytes())
    parts = near.parts(found.passages, vector, frozenset())
    assert {part.near for part in parts} == {0.0}, "made by another embedder"
    Chunk.objects.update(vector=np.ones(384, "<f2").tobytes())
    assert near.parts(found.passages, vector, frozenset())[0].near > 0
