"""Numbers, dates, codes and names: what is the same in another spelling, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.facts import facts, holding, runs


def held(sentence: str, passage: str, language: str = "en", *, foreign: bool = False) -> bool:
    """Whether every fact of `sentence` stands in `passage`."""
    told = [fact for fact in facts(sentence, language) if not fact.soft]
    assert told, f"nothing to check in {sentence!r}"
    return all(holding(passage, "", "en" if foreign else language, foreign).has(f) for f in told)


@pytest.mark.parametrize(
    ("sentence", "passage", "language"),
    [
        ("It costs 1,000 USD.", "The fee is $1000.", "en"),
        ("Es kostet 1.000 Euro.", "Der Preis: 1000 €", "de"),
        ("Es sind 435.057.215,45 Dollar.", "Net refunds in dollars: 435,057,215.45", "de"),
        ("Cela coûte 1 000 euros.", "Prix : 1000 €", "fr"),
        ("Cuesta 946,5 millones.", "946.5 million", "es"),
        ("About $505.9 million.", "505,920,158.76 USD", "en"),
        ("It is 946.5 million.", "Volume (in millions): 946.5", "en"),
        ("It is $505,920,158.76.", "505920158.7602604 dollars", "en"),
        ("Within 24 hours.", "within twenty-four hours", "en"),
        ("Innerhalb von 21 Tagen.", "einundzwanzig Tage", "de"),
        ("Dans les 90 jours.", "quatre-vingt-dix jours", "fr"),
        ("En 35 días.", "treinta y cinco días", "es"),
        ("After one hundred and twenty days.", "120 days", "en"),
        ("You may ask twice.", "Requests: two times", "en"),
        ("Es geht zweimal.", "2 mal", "de"),
        ("A rate of 50 %.", "50 percent", "en"),
        ("Une hausse de 5 %.", "5 pour cent", "fr"),
        ("It takes 5 to 7 weeks.", "5-7 weeks", "en"),
        ("See Section 4.2.", "§ 4.2", "en"),
        ("Siehe Abschnitt 4.2.", "Section 4.2", "de"),
        ("Use 1/2 of it.", "one half: 1/2", "en"),
        ("The third request fails.", "the 3rd request", "en"),
        ("It lasts one year.", "It lasts a year.", "en"),
        ("A 30-day period.", "30 days", "en"),
        ("You have １２ days.", "12 days", "en"),
    ],
)
def test_a_number_in_another_spelling_is_the_same(
    sentence: str, passage: str, language: str
) -> None:
    assert held(sentence, passage, language)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("It costs $75.", "It costs $51.75."),
        ("It costs $75.", "It costs 75 EUR."),
        ("You have 30 days.", "You have 30 weeks."),
        ("You have 30 days.", "See page 30."),
        ("You have 30 days.", "30. Send the form"),
        ("It is 1,000.", "It is 10,000."),
        ("A rate of 5 %.", "A rate of 5 basis points."),
        ("See Section 4.3.", "See Section 4.2 and page 4.3"),
        ("Tier 3 applies.", "Tier 1 applies to 3 of them."),
        ("You may ask twice.", "You may ask three times."),
        ("Use 1/2 of it.", "Use 1/3 of it."),
        ("Within two hours.", "Within one hour."),
        ("About 500 people.", "About 800 people."),
        ("It is 946.5 million.", "In millions: 964.5"),
    ],
)
def test_another_number_is_another(sentence: str, passage: str) -> None:
    assert not held(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage", "language"),
    [
        ("Since July 1, 2024.", "2024-07-01", "en"),
        ("Since 1 July 2024.", "07/01/2024", "en"),
        ("Seit dem 1. Juli 2024.", "July 1st, 2024", "de"),
        ("Seit dem 01.07.2024.", "1 July 2024", "de"),
        ("Depuis le 1er juillet 2024.", "July 1, 2024", "fr"),
        ("Desde el 1 de julio de 2024.", "01.07.2024", "es"),
        ("In July.", "Due Jul 31, 2025", "en"),
        ("In May 2020.", "PS0010 May 2020", "en"),
        ("In 2024.", "since 2024-07-01", "en"),
        ("On July 5.", "July 1-5, 2024", "en"),
        ("On 1 July 2024.", "Plan for 2024: begins on 1 July", "en"),
        ("In FY24.", "Fiscal Year 2024", "en"),
        ("Each Monday.", "every Mon", "en"),
        ("Jeden Montag.", "on Mondays", "de"),
        ("Until 3:30 PM.", "15:30", "en"),
        ("Bis 15.30 Uhr.", "3:30 p.m.", "de"),
        ("Jusqu'à 9h30.", "9:30 am", "fr"),
        ("At 9 am.", "from 9:00 to 17:00", "en"),
    ],
)
def test_a_date_in_another_spelling_is_the_same(sentence: str, passage: str, language: str) -> None:
    assert held(sentence, passage, language)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Since July 1, 2024.", "Since July 1, 2023, and January 2024."),
        ("Since July 1, 2024.", "Since July 2, 2024."),
        ("In July.", "In June."),
        ("You have 7 days.", "Since 2024-07-01."),
        ("Each Monday.", "Each Friday."),
        ("Until 3:30 AM.", "Until 3:30 PM."),
        ("At 9 am.", "At 9 pm."),
        ("In FY25.", "FY24"),
    ],
)
def test_another_date_is_another(sentence: str, passage: str) -> None:
    assert not held(sentence, passage)


def test_may_and_march_are_words_too() -> None:
    assert not [fact for fact in facts("You may march there. May I?") if fact.kind == "date"]
    assert [fact.keys for fact in facts("It ends in May.")] == [((None, 5, None),)]


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Call (701) 461-2232.", "701-461-2232"),
        ("Call 816-823-5415.", "+1 816 823 5415"),
        ("GS-13 or above.", "GS13"),
        ("Use version 2.5.1.", "v2.5.1"),
        ("Write to IT@acme.example.", "it@acme.example"),
        ("See https://www.acme.example/forms/.", "acme.example/forms"),
        ("Read SP 800-63.", "SP 800-63"),
    ],
)
def test_codes_and_addresses_in_another_spelling(sentence: str, passage: str) -> None:
    assert held(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Call 816-823-5415.", "816-823-5416"),
        ("GS-13 or above.", "GS-14 or 13 days"),
        ("Use version 2.5.1.", "2.5.2"),
        ("Write to it@acme.example.", "hr@acme.example"),
        ("You have 13 days.", "GS-13"),
    ],
)
def test_another_code_is_another(sentence: str, passage: str) -> None:
    assert not held(sentence, passage)


@pytest.mark.parametrize(
    ("sentence", "passage", "language"),
    [
        ("Ask Anna Schmidt.", "Anna Schmidt approves.", "en"),
        ("Ask the Business Unit Director.", "the business unit director", "en"),
        ("It applies in the United States.", "in the U.S.", "en"),
        ("The IBA is exempt.", "An Individually Billed Account (exempt)", "en"),
        ("Use KeePassXC.", "We use KeePassXC's vault.", "en"),
        ("GSA-issued checks.", "checks issued by GSA", "en"),
        ("Der Business Unit Director entscheidet.", "Business Unit Director", "de"),
    ],
)
def test_a_name_is_found_as_it_is_written(sentence: str, passage: str, language: str) -> None:
    assert held(sentence, passage, language)


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Ask Anna Schmidt.", "Anna Meyer approves."),
        (
            "Ask the Business Unit Manager.",
            "The business unit director decides. " + "Others wait. " * 5 + "A manager.",
        ),
        ("The FBI is exempt.", "find better ideas"),
        ("Hotels in California are exempt.", "Hotels in Texas are exempt."),
        ("Use LastPass.", "Use KeePassXC."),
    ],
)
def test_another_name_is_another(sentence: str, passage: str) -> None:
    assert not held(sentence, passage)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Laundry may be reimbursed.", "en"),
        ("Der Vorgesetzte muss den Antrag genehmigen.", "de"),
        ("Für immer, samt Protokollen von Änderungen.", "de"),
        ("Once it is done, send a form.", "en"),
        ("1. Send the form.", "en"),
    ],
)
def test_what_is_no_fact(text: str, language: str) -> None:
    assert not [
        fact for fact in facts(text, language) if not fact.soft and (fact.keys or fact.values)
    ]


def test_names_of_another_language_are_found_by_how_they_begin() -> None:
    assert held("Les hôtels en Californie.", "Hotels in California", "fr", foreign=True)
    assert not held("Les hôtels en Floride.", "Hotels in California", "fr", foreign=True)


def test_a_range_is_one() -> None:
    text = "Between 3 and 15 years: 6 hours"
    assert [len(run) for run in runs(text, facts(text))] == [2, 1]


@given(st.integers(0, 10**9), st.sampled_from(["{:,}", "{}", "{:_}"]))
def test_a_whole_number_is_read_however_it_is_grouped(value: int, shape: str) -> None:
    text = shape.format(value).replace("_", "\u202f")
    assert any(value in fact.values for fact in facts(f"It is {text} in all"))


@given(st.text(max_size=200))
def test_any_text_is_read_and_holds_its_own_facts(text: str) -> None:
    passage = holding(text)
    for fact in facts(text):
        assert 0 <= fact.start < fact.end <= len(text)
        if fact.kind in ("number", "time", "code"):
            assert passage.has(fact) or not fact.values + fact.keys
