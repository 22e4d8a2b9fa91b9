"""How a sentence rests on a passage, beyond its words and facts alone."""

import pytest

from chat.cite import AnswerWriter, Asked, Basis
from chat.match import match
from chat.polarity import contradicts

LEAVE = (
    "Annual leave accrues by years of service.\n"
    "Between 3 and 15 years: 6 hours per pay period.\n"
    "Parking is free on Sundays. Showers are upstairs.\n"
    "The gym is open for 9 hours on weekdays. Its lockers cost 4 EUR."
)
TABLE = (
    "Due dates\n\nDate | What\nOctober 17, 2025 | Self-assessment due\n"
    "October 20, 2025 | Audit of completion\nNovember 3, 2025 | Ratings"
)


def support(sentence: str, passage: str, question: str = "", language: str = "en") -> str:
    return match(sentence, passage, 1, language=language, asked=Asked(question, language)).support


def test_a_number_must_stand_where_the_passage_speaks_of_the_matter() -> None:
    question = "How many hours of annual leave accrue per pay period?"
    assert support("6 hours.", LEAVE, question) == "verified"
    assert support("9 hours.", LEAVE, question) == "none"


def test_a_range_must_stand_together() -> None:
    assert support("It is for 3 to 15 years of service.", LEAVE) != "none"
    assert support("It is for 4 to 15 years of service.", LEAVE) == "none"


def test_the_row_of_a_table_must_be_the_right_one() -> None:
    assert support("The self-assessment is due on October 17, 2025.", TABLE) == "verified"
    assert support("The self-assessment is due on October 20, 2025.", TABLE) == "none"


def test_a_date_must_share_a_row_with_what_it_dates() -> None:
    rates = "Year | Rate | Fee\nFY24 | 5.7 % | $12\nFY25 | 5.8 % | $13"
    assert support("In FY24 the rate was 5.7 %.", rates) == "verified"
    assert support("In FY25 the rate was 5.7 %.", rates) == "none"


def test_the_question_may_be_repeated_but_does_not_answer_itself() -> None:
    question = "I have 7 years of service, do I get 9 hours?"
    assert support("With 7 years of service you accrue 6 hours.", LEAVE, question) == "likely"
    assert support("Yes, you accrue 30 hours.", LEAVE, "Do I accrue 30 hours?") == "none"


def test_a_name_that_only_the_question_tells_is_likely_at_most() -> None:
    question = "Does Contoso give annual leave by years of service?"
    assert (
        support("Annual leave at Contoso accrues by years of service.", LEAVE, question) == "likely"
    )
    assert support("Annual leave at Contoso accrues by years of service.", LEAVE) == "none"


def test_yes_and_no_are_judged_by_the_question() -> None:
    assert support("No.", LEAVE, "Does annual leave accrue by years of service?") == "likely"
    assert support("No.", LEAVE, "May dogs enter the canteen?") == "none"


@pytest.mark.parametrize(
    ("sentence", "quote", "language"),
    [
        ("Award leave is paid out.", "Award leave is not paid out.", "en"),
        ("It does not apply to checks.", "It applies to checks.", "en"),
        ("You can add a charge.", "You cannot add a charge.", "en"),
        ("Der Urlaub wird ausgezahlt.", "Der Urlaub wird nicht ausgezahlt.", "de"),
        ("Le congé se paie.", "Le congé ne se paie pas.", "fr"),
        ("El permiso se paga.", "El permiso no se paga.", "es"),
    ],
)
def test_a_denial_is_seen(sentence: str, quote: str, language: str) -> None:
    assert contradicts(sentence, quote, language)


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("No, it is not paid out.", "Award leave is not paid out."),
        ("No. It is paid out.", "It is paid out."),
        ("No later than Monday.", "By Monday at the latest."),
        ("Do not turn it off: files may be lost.", "By turning it off, files may be lost."),
        ("No fees apply.", "No interest or fees apply."),
    ],
)
def test_what_is_no_denial(sentence: str, quote: str) -> None:
    assert not contradicts(sentence, quote, "en")


def test_what_a_passage_denies_is_marked() -> None:
    passage = "If you leave the agency, award leave is not paid out to you."
    assert support("Award leave is paid out if you leave the agency.", passage) == "none"
    assert support("Award leave is not paid out if you leave.", passage) == "verified"


def test_a_copied_sentence_is_verified_wherever_it_stands() -> None:
    question = "How many hours of annual leave accrue?"
    found = match("Its lockers  cost 4 EUR.", LEAVE, 1, language="en", asked=Asked(question, "en"))
    assert found.support == "verified"
    assert LEAVE[found.start : found.end] == "Its lockers cost 4 EUR."


def test_german_compounds_are_held_by_their_parts() -> None:
    assert support("Sie haben 28 Urlaubstage.", "Jahresurlaubstage: 28", language="de") != "none"


def test_a_foreign_passage_decides_by_facts() -> None:
    passages = [Basis("It was archived on July 1, 2024 by Anna Schmidt.", "", None, "en", True)]

    def supports(sentence: str) -> list[str]:
        writer = AnswerWriter(passages, Asked("Wann?", "de"))
        list(writer.feed(sentence + " [1]"))
        list(writer.close())
        return [found.support for found in writer.citations]

    assert supports("Seit dem 1. Juli 2024 im Archiv.") == ["likely"]
    assert supports("Seit dem 2. Juli 2024 im Archiv.") == ["none"]


def test_a_table_without_a_language_is_read_by_its_numbers() -> None:
    writer = AnswerWriter([Basis("Year | Refunds\n19 | $435,057,215.45")], Asked("Wie hoch?", "de"))
    list(writer.feed("Es waren 435.057.215,45 US-Dollar [1]."))
    list(writer.close())
    assert [found.support for found in writer.citations] == ["likely"]
