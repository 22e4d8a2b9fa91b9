"""Marks, sentences, quotes: what a reader relies on."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.cite import MARK, AnswerWriter, Basis, match, sentences
from chat.events import Token

LEAVE = "You have 28 days of annual leave per year. After five years you get 30 days."
REMOTE = "Remote work is allowed three days a week."
PASSAGES = [Basis(LEAVE, "Annual leave", 3, "en"), Basis(REMOTE, "Remote work", None, "en")]


def written(text: str, passages: list[Basis] | None = None, size: int = 3) -> AnswerWriter:
    writer = AnswerWriter(PASSAGES if passages is None else passages)
    sent = ""
    for at in range(0, len(text), size):
        sent += "".join(e.text for e in writer.feed(text[at : at + size]) if isinstance(e, Token))
    sent += "".join(event.text for event in writer.close() if isinstance(event, Token))
    assert sent == writer.text, "what was streamed is what is kept"
    return writer


def cited(writer: AnswerWriter) -> list[tuple[str, int, str]]:
    return [
        (writer.text[slice(*found.sentence)], found.n, found.support) for found in writer.citations
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_mark_moves_to_the_end_of_its_sentence(size: int) -> None:
    writer = written(
        "You have 28 days [1] of annual leave. Remote work: three days a week [2].", size=size
    )
    assert cited(writer) == [
        ("You have 28 days of annual leave. [1]", 1, "verified"),
        ("Remote work: three days a week. [2]", 2, "verified"),
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "[1] You have 28 days per year [2] Remote work: three days a week",
            "You have 28 days per year [1]\nRemote work: three days a week [2]",
        ),
        (
            "[1] You have 28 days per year. [2] Remote work: three days a week. [2]",
            "You have 28 days per year. [1] Remote work: three days a week. [2]",
        ),
        ("[1] You have 28 days [1] per year.", "You have 28 days per year. [1]"),
        ("[1] You have 28 days per year [1].", "You have 28 days per year. [1]"),
        ("[2][1] Remote work: three days a week", "Remote work: three days a week [2]"),
    ],
)
def test_a_mark_may_stand_before_what_it_marks(said: str, shown: str, size: int) -> None:
    assert written(said, size=size).text == shown


def test_a_decimal_after_a_mark_is_no_end_of_sentence() -> None:
    prices = [Basis("The fee for a year is $66.27 in all.", "", None, "en")]
    assert cited(written("The fee [1] for a year is $66.27.", prices)) == [
        ("The fee for a year is $66.27. [1]", 1, "verified")
    ]


def test_a_model_that_goes_round_in_circles_is_heard_once() -> None:
    writer = written("You have 28 days of annual leave [1].\nYou have 28 days of annual leave [1].")
    assert writer.repeated
    assert cited(writer) == [("You have 28 days of annual leave. [1]", 1, "verified")]


LABELLED = [Basis(LEAVE, "Annual leave", 3, "en", label="(Leave › Annual leave)")]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[1] (Leave › Annual leave) You have 28 days.", "You have 28 days. [1]"),
        ("(Leave › Annual leave) You have 28 days.", "You have 28 days. [1]"),
        (
            "You have 28 days. (Leave › Annual leave) After five years you get 30 days.",
            "You have 28 days. [1] After five years you get 30 days. [1]",
        ),
        ("(Leave) You have 28 days.", "(Leave) You have 28 days. [1]"),
        (
            "You have 28 days (Leave › Annual leave).",
            "You have 28 days (Leave › Annual leave). [1]",
        ),
        ("(Leave ›", "(Leave ›"),
    ],
)
def test_the_label_of_a_passage_is_no_part_of_an_answer(said: str, shown: str, size: int) -> None:
    assert written(said, LABELLED, size).text.removesuffix(" [1]") == shown.removesuffix(" [1]")


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_comes_after_a_circle_is_not_begun(size: int) -> None:
    again = "You have 28 days of annual leave [1]. "
    writer = written(f"{again}{again}And remote work three days.", size=size)
    assert writer.repeated and writer.text.rstrip() == "You have 28 days of annual leave. [1]"


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_sentence_that_was_said_with_more_is_left_out(size: int) -> None:
    writer = written(
        "You have 28 days of annual leave per year. You have 28 days of annual leave. "
        "Remote work: three days a week.",
        size=size,
    )
    assert not writer.repeated and "  " not in writer.text
    assert [sentence for sentence, _n, _support in cited(writer)] == [
        "You have 28 days of annual leave per year. [1]",
        "Remote work: three days a week. [2]",
    ]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The deposit is $50.", "The deposit is $5."),
        ("Grade 12.", "Grade 1."),
        ("It takes 5.5 days.", "It takes 5."),
        ("Yesterday it rained.", "Yes."),
    ],
)
def test_a_sentence_that_is_no_part_of_an_earlier_one_is_kept(
    first: str, second: str, size: int
) -> None:
    text = written(f"{first} {second}", size=size).text
    assert first in text and second.rstrip(".") in text.split(first)[1]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("said", ["[[9]]", "[1 [9]", "[[[7]]]", "[9\n[8]"])
def test_a_mark_in_a_bracket_is_a_mark(said: str, size: int) -> None:
    text = written(f"You have 28 days {said}.", size=size).text
    assert not set(MARK.findall(text)) - {"1", "2"}


def test_a_sentence_that_only_begins_like_another_is_told() -> None:
    writer = written("You have 28 days per year. You have 30 days after five years of service.")
    assert not writer.repeated
    assert writer.text.endswith("You have 30 days after five years of service. [1]")


def test_a_dangling_mark_is_dropped_and_the_right_one_is_set() -> None:
    assert cited(written("You have 28 days of annual leave [9].")) == [
        ("You have 28 days of annual leave. [1]", 1, "verified")
    ]


def test_a_wrong_mark_gives_way_to_the_passage_that_says_so() -> None:
    assert cited(written("You have 28 days of annual leave [2]."))[0][1] == 1


def test_two_passages_may_hold_a_sentence_together() -> None:
    both = [Basis("The desk: 250 EUR.", "", 1, "en"), Basis("The chair: 180 EUR.", "", 2, "en")]
    assert cited(written("The desk is 250 EUR and the chair is 180 EUR [1] [2].", both)) == [
        ("The desk is 250 EUR and the chair is 180 EUR. [1] [2]", 1, "likely"),
        ("The desk is 250 EUR and the chair is 180 EUR. [1] [2]", 2, "likely"),
    ]
    assert (
        cited(written("The desk is 251 EUR and the chair is 180 EUR [1] [2].", both))[0][2]
        == "none"
    )


def test_a_missing_mark_is_added() -> None:
    assert written("Remote work is allowed three days a week.").text.endswith("[2]")


def test_a_changed_number_is_not_supported() -> None:
    assert cited(written("You have 29 days of annual leave per year [1].")) == [
        ("You have 29 days of annual leave per year. [1]", 1, "none")
    ]


def test_a_sentence_that_no_passage_holds_is_marked() -> None:
    assert cited(written("The canteen serves soup on Fridays.")) == [
        ("The canteen serves soup on Fridays.", 0, "none")
    ]


def test_an_unfinished_mark_at_the_end_is_not_shown() -> None:
    assert (
        written("You have 28 days of annual leave [1").text
        == "You have 28 days of annual leave [1]"
    )


def test_brackets_that_are_no_mark_stay() -> None:
    assert "[sic]" in written("Remote work [sic] is allowed three days a week [2].").text


def test_the_quote_stands_in_its_passage_word_for_word() -> None:
    found = written("After five years you get 30 days [1].").citations[0]
    assert LEAVE[slice(*found.quote)] == "After five years you get 30 days."
    assert found.page == 3


def test_another_language_is_compared_by_its_numbers() -> None:
    foreign = [Basis(LEAVE, "", None, "en", foreign=True)]
    assert cited(written("Sie haben 28 Urlaubstage [1].", foreign))[0][2] == "likely"
    assert cited(written("Sie haben 29 Urlaubstage [1].", foreign))[0][2] == "none"


@given(st.text(max_size=200), st.integers(1, 7))
def test_any_text_streams_as_it_is_kept_and_never_dangles(text: str, size: int) -> None:
    writer = written(text, size=size)
    marks = [int(n) for group in MARK.findall(writer.text) for n in group.split(",") if n.strip()]
    assert all(1 <= n <= len(PASSAGES) for n in marks)
    for found in writer.citations:
        assert 0 <= found.sentence[0] < found.sentence[1] <= len(writer.text)


@given(st.text(max_size=300))
def test_sentences_are_ordered_spans_of_the_text(text: str) -> None:
    spans = sentences(text)
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Ask Dr. Meyer. He knows.", 2),
        ("It costs 3.50 a day. Keep the receipt!", 2),
        ("See e.g. the travel guide.", 1),
        ("Erstens z. B. so. Dann anders.", 2),
        ("休暇は二十八日です。在宅勤務は週三日です。", 2),
        ("One line\nanother line", 2),
    ],
)
def test_where_sentences_end(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_title_and_headings_count_for_a_match() -> None:
    found = match("Annual leave is 28 days.", "28 days", 1, context="Annual leave", language="en")
    assert found.support == "verified"
