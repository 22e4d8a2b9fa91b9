"""The scores mean what docs/measuring.md says they mean."""

import pytest

from evaluation import scores
from evaluation.scores import Found

QUESTION = {
    "evidence": [
        {"file": "h/leave.md", "quote": "28 days of annual leave"},
        {"file": "h/sick.md", "quote": "before 9:30 in the morning"},
    ],
    "also_in": ["h/leave-copy.md"],
    "must_contain": ["28", "9:30"],
}
LEAVE = Found("Everyone has 28  DAYS of\nannual leave.", "h/leave.md")
SICK = Found("Call before 9:30 in the morning.", "h/sick.md")
OTHER = Found("Everyone has 28 days of annual leave. Call before 9:30 in the morning.", "h/faq.md")


def test_case_and_white_space_do_not_count() -> None:
    assert scores.holds_exactly(LEAVE.text, "28 days of annual leave")


def test_seventy_percent_of_the_distinct_words_hold_a_quote() -> None:
    quote = "a b c d e f g h i j"
    assert scores.holds("j i h g f e d", quote)
    assert not scores.holds("j i h g f e", quote)


def test_a_number_with_decimals_is_one_word() -> None:
    assert scores.words("It costs 4.80 EUR") == {"it", "costs", "4.80", "eur"}


def test_an_empty_quote_of_signs_is_held_only_where_it_stands() -> None:
    assert not scores.holds("text", "***")


def test_any_needs_one_quote_and_all_needs_each() -> None:
    assert scores.any_at(QUESTION, [LEAVE], 5)
    assert not scores.all_at(QUESTION, [LEAVE], 5)
    assert scores.all_at(QUESTION, [LEAVE, SICK], 5)


def test_only_the_first_k_passages_count() -> None:
    assert not scores.any_at(QUESTION, [Found("no", "x"), LEAVE], 1)
    assert not scores.file_at(QUESTION, [Found("no", "x"), LEAVE], 1)


def test_strict_wants_the_words_in_a_right_document() -> None:
    assert scores.all_at(QUESTION, [OTHER], 5)
    assert not scores.strict_at(QUESTION, [OTHER], 5)
    assert scores.strict_at(QUESTION, [OTHER, LEAVE, SICK], 3)
    assert not scores.strict_at(QUESTION, [OTHER, LEAVE, SICK], 2)


def test_strict_accepts_a_document_named_as_also_right() -> None:
    copy = Found(LEAVE.text, "h/leave-copy.md")
    assert scores.strict_at(QUESTION, [copy, SICK], 5)


def test_exact_wants_word_for_word() -> None:
    turned = Found("annual leave: 28 days of it", "h/leave.md")
    assert scores.all_at(QUESTION, [turned, SICK], 5)
    assert not scores.exact_at(QUESTION, [turned, SICK], 5)
    assert scores.exact_at(QUESTION, [LEAVE, SICK], 5)


@pytest.mark.parametrize(
    ("pattern", "answer", "expected"),
    [
        ("75", "It costs $51.75.", False),
        ("75", "It costs 75.", True),
        ("75", "It costs 175 or 750.", False),
        ("75", "75, not more.", True),
        ("75", "75.5 percent", False),
        ("not|No", "It is NOT exempt.", True),
        (r"1[,.]?500", "a bonus of 1,500 EUR", True),
    ],
)
def test_digits_alone_must_stand_as_a_whole_number(
    pattern: str, answer: str, expected: bool
) -> None:
    assert scores.correct({"must_contain": [pattern]}, answer) is expected


def test_correct_wants_every_pattern() -> None:
    assert scores.correct(QUESTION, "28 days; call before 9:30 [1].")
    assert not scores.correct(QUESTION, "28 days [1].")


def test_a_right_answer_marks_a_right_document() -> None:
    assert scores.right(QUESTION, "28 days [2].", [OTHER, LEAVE])
    assert not scores.right(QUESTION, "28 days [1].", [OTHER, LEAVE])
    assert not scores.right(QUESTION, "28 days.", [LEAVE])
    assert not scores.right(QUESTION, "28 days [0] [7].", [LEAVE])


def test_dangling_counts_marks_that_point_to_nothing() -> None:
    assert scores.dangling("One [1], two [3], three [3], zero [0].", [LEAVE, SICK]) == 2
    assert scores.dangling("One [1], two [2].", [LEAVE, SICK]) == 0


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "  \n",
        "The documents do not say.",
        "The documents that you may read do not say this.",
        "The passages do not mention a gym.",
        "Die Dokumente sagen dazu nichts.",
        "Les documents ne le disent pas.",
        "Los documentos no lo dicen.",
    ],
)
def test_a_refusal_is_seen(answer: str) -> None:
    assert scores.refused(answer)


@pytest.mark.parametrize(
    "answer",
    ["You have 28 days [1].", "Leave is not paid out [1].", "Nein, das ist nicht erlaubt [1]."],
)
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert not scores.refused(answer)


def test_an_abstained_answer_is_a_refusal_whatever_it_says() -> None:
    assert scores.refused("Something.", status="abstained")


def test_every_sentence_of_the_product_that_abstains_is_a_refusal() -> None:
    from chat.abstain import SENTENCES, abstention

    spoken = {language: abstention(language) for language in ["en", "de", "fr", "es"]}
    assert spoken.keys() - {"en"} <= SENTENCES.keys()
    assert all(scores.refused(sentence) for sentence in spoken.values())


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 3.0), (0.95, 5.0), (0.2, 1.0), (0.0, 1.0), (1.0, 5.0)]
)
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert scores.percentile([5.0, 1.0, 4.0, 2.0, 3.0], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    assert scores.percentile([], 0.5) is None
