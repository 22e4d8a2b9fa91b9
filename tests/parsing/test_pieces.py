"""Pieces of passages: whole sentences, about equal, together all of the text."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.atoms import units
from ingest.embed import digest, texts
from ingest.pieces import PIECE_UNITS, SLACK, pieces

SENTENCE = "Every employee has twenty eight days of leave. "


def test_a_short_passage_has_none() -> None:
    assert pieces("") == pieces("One line.") == pieces(SENTENCE * 9) == ()


def test_a_long_one_is_cut_between_sentences() -> None:
    text = SENTENCE * 20
    spans = pieces(text)
    assert len(spans) == 3
    assert all(text[start:end].startswith("Every") for start, end in spans)
    assert max(units(text[start:end]) for start, end in spans) <= PIECE_UNITS * SLACK


def test_rows_of_a_table_stay_whole() -> None:
    text = "\n".join(f"Row {n} | value {n} | remark about it" for n in range(30))
    assert all(text[start:end].startswith("Row") for start, end in pieces(text))


def test_one_endless_sentence_stays_one() -> None:
    assert pieces("word " * 150) == ()


@given(st.text(alphabet="abc .\n。", max_size=2_000))
def test_together_they_are_all_of_the_text(text: str) -> None:
    spans = pieces(text)
    assert "".join(text[start:end] for start, end in spans) == (text if spans else "")
    assert len(spans) != 1


def test_what_is_embedded_stands_below_its_context() -> None:
    text = SENTENCE * 20
    whole, *parts = texts("Guide > Leave", text)
    assert whole == f"Guide > Leave\n{text}"
    assert all(part.startswith("Guide > Leave\nEvery") for part in parts) and len(parts) == 3
    assert digest(texts("a", "b")) != digest(texts("", "a\nb c"))
