"""Made-up documents and vectors are the same each time, and near to real ones."""

import numpy as np
import pytest

from bench import made

SOURCES = [
    [f"Sentence {number} of text {text} says something." for number in range(9)] for text in "abc"
]


def test_a_document_is_the_same_for_the_same_number_and_another_for_another() -> None:
    texts = made.Texts(SOURCES)
    assert texts.document(7) == made.Texts(SOURCES).document(7)
    assert texts.document(7) != texts.document(8)


def test_its_paragraphs_have_about_as_many_words_as_a_passage() -> None:
    paragraphs = made.Texts(SOURCES).document(1).text.split("\n\n")
    assert len(paragraphs) == made.PARAGRAPHS
    assert all(made.WORDS <= len(paragraph.split()) < 2 * made.WORDS for paragraph in paragraphs)


def test_vectors_have_length_one_and_stay_near_a_real_one() -> None:
    real = np.eye(3, 384, dtype=np.float32)
    found = made.Clouds(real).around(5, [1, 3])
    assert [rows.shape for rows in found] == [(1, 384), (3, 384)]
    rows = np.concatenate(found)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert (rows @ real.T).max(axis=1).min() > 0.85
    assert (found[1][1:] @ found[1][0]).min() > 0.9


def test_vectors_are_the_same_for_the_same_number() -> None:
    clouds = made.Clouds(np.eye(3, 384, dtype=np.float32))
    first, again = clouds.around(5, [2]), clouds.around(5, [2])
    assert np.array_equal(first[0], again[0])
