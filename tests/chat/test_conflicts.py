"""Where documents disagree: both are shown, the newer one first, and superseded ones never."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from chat.conflicts import Claim, Conflict, Spoken, conflicts
from chat.context import label_of
from chat.match import Asked
from chat.passages import Passage, newest_first
from chat.versions import Edition, newer, shared, versions

LEAVE = "Every employee has 28 days of annual leave per year."
QUESTION = "How many days of annual leave does an employee have?"


def edition(name: str = "leave.md", title: str = "Leave", **age: object) -> Edition:
    return Edition(uuid4(), name, title, **age)  # type: ignore[arg-type]


def spoken(text: str, of: Edition | None = None, heading: str = "Entitlement") -> Spoken:
    return Spoken(text, of or edition(), heading, "en")


def found(one: Spoken, other: Spoken, says: str, asked: str = QUESTION) -> list[Conflict]:
    claim = Claim((0, len(says)), says, 0, (0, len(one.text)))
    return conflicts([claim], [one, other], Asked(asked, "en"))


GUIDE = edition("guide.md", "Onboarding")


def test_another_number_of_the_same_is_a_conflict() -> None:
    [conflict] = found(
        spoken(LEAVE), spoken(LEAVE.replace("28", "30"), GUIDE), "It is 28 days a year."
    )
    assert (conflict.at, conflict.other) == (0, 1)
    assert conflict.quote == conflict.other_quote == (0, len(LEAVE))


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (LEAVE, "the same"),
        ("Each employee gets twenty-eight days of annual leave per year.", "in other words"),
        ("Every employee has 30 weeks of annual leave per year.", "another unit"),
        ("Every part-time employee has 14 days of annual leave per year.", "another case"),
        ("Every employee has at least 20 days of annual leave per year.", "a bound"),
        ("Every employee has 5 days of training per year.", "another matter"),
        ("After 5 years every employee has 30 days of annual leave per year.", "a condition"),
        ("Every employee in Spain has 30 days of annual leave per year.", "another place"),
        ("In FY24 every employee has 30 days of annual leave per year.", "another year"),
    ],
)
def test_what_is_said_of_another_case_is_no_conflict(other: str, why: str) -> None:
    assert not found(spoken(LEAVE), spoken(other, GUIDE), "It is 28 days a year."), why


def test_years_that_are_named_are_cases_of_their_own() -> None:
    text = "In FY24 the allowance for meals is 20 euros a day."
    other = "In FY25 the allowance for meals is 22 euros a day."
    asked = "What is the allowance for meals?"
    assert not found(spoken(text), spoken(other, GUIDE), "The allowance is 20 euros.", asked)


def test_rows_of_a_table_are_cases_of_their_own() -> None:
    table = "Band | Days | Notice\nJunior staff | 25 | 4 weeks\nSenior staff | 28 | 8 weeks"
    old, new = edition("bands v1.md"), edition("bands v2.md")
    says, asked = "Junior staff have 25 days.", "How many days do junior staff have?"
    same = table.replace("28", "30")
    assert not found(spoken(table, old), spoken(same, new), says, asked)
    [conflict] = found(spoken(table, old), spoken(table.replace("25", "26"), new), says, asked)
    assert table[slice(*conflict.quote)] == "Junior staff | 25 | 4 weeks"
    assert conflict.newer == 1
    assert conflict.by == "version"


def test_a_rule_and_its_denial_are_a_conflict() -> None:
    one = "Award leave is paid out when an employee leaves the company."
    other = one.replace("is paid", "is not paid")
    asked = "Is award leave paid out?"
    assert found(spoken(one), spoken(other, GUIDE), "Yes, award leave is paid out.", asked)
    assert not found(spoken(one), spoken(one, GUIDE), "Yes, award leave is paid out.", asked)


def test_siblings_do_not_disagree_and_versions_do() -> None:
    one = spoken(LEAVE, edition("germany.md", "Leave in Germany"))
    spain = edition("spain.md", "Leave in Spain")
    assert not found(one, spoken("Every employee has 22 days of leave.", spain), "It is 28 days.")
    other = spoken(LEAVE.replace("28", "30"), edition("germany v2.md", "Leave in Germany"))
    assert found(one, other, "It is 28 days a year.")


def test_headings_of_other_cases_keep_statements_apart() -> None:
    one = spoken(LEAVE, heading="Leave › Berlin")
    other = spoken(LEAVE.replace("28", "30"), edition("leave v2.md"), "Leave › Vienna")
    assert not found(one, other, "It is 28 days a year.")


def test_a_year_in_the_question_chooses_the_document() -> None:
    one = spoken(LEAVE, edition("Handbook 2023.md", "Handbook 2023"))
    other = spoken(LEAVE.replace("28", "30"), edition("Handbook 2024.md", "Handbook 2024"))
    assert found(one, other, "It is 28 days a year.")
    assert not found(one, other, "It is 28 days a year.", f"{QUESTION} In 2023, I mean.")


def test_what_the_answer_does_not_say_is_no_conflict_of_it() -> None:
    one = "The office opens at 8:00 and its canteen serves lunch for 7 euros."
    other = spoken(one.replace("7 euros", "9 euros"), edition("office v2.md"))
    first = spoken(one, edition("office.md"))
    assert not found(first, other, "The office opens at 8:00.", "When does the office open?")
    assert found(first, other, "Lunch costs 7 euros.", "What does lunch in the canteen cost?")


def test_the_same_two_statements_come_once() -> None:
    passages = [spoken(LEAVE), spoken(LEAVE.replace("28", "30"), GUIDE)]
    claims = [Claim((at, at + 5), "It is 28 days a year.", 0, (0, len(LEAVE))) for at in (0, 9)]
    assert len(conflicts(claims, passages, Asked(QUESTION, "en"))) == 1


TEXT = " ".join(f"word{n} stands here" for n in range(12))


# --- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Leave policy v1.2.docx", "leave_policy_v2.docx"),
        ("leave (draft).md", "leave final.md"),
        ("Travel 2023-04-01.pdf", "Travel 2024-01-15.pdf"),
        ("Reisen März 2023.pdf", "Reisen Januar 2024.pdf"),
        ("Plan FY23.xlsx", "Plan FY24.xlsx"),
        ("plan v9.md", "plan v10.md"),
        ("Stand 01.07.2023 Urlaub.docx", "Stand 15.01.2024 Urlaub.docx"),
    ],
)
def test_the_later_version_is_the_newer_one_by_its_name(one: str, other: str) -> None:
    old, new = edition(one, ""), edition(other, "")
    assert versions(old, new, 0.5)
    late = newer(new, old)
    assert late is not None
    assert (late.document, late.by) == (new.document, "version")


def test_a_date_of_the_file_comes_before_its_name_and_that_before_its_upload() -> None:
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    one = edition("plan v2.md", dated=date(2023, 1, 1), added=noon)
    other = edition("plan v1.md", dated=date(2024, 1, 1), added=noon.replace(hour=9))
    late = newer(one, other)
    assert late is not None
    assert (late.document, late.by) == (other.document, "dated")
    undated = replace(other, dated=None)
    late = newer(one, undated)
    assert late is not None
    assert (late.document, late.by) == (one.document, "version")
    late = newer(replace(one, name="plan.md"), replace(undated, name="plan.md"))
    assert late is not None
    assert (late.document, late.by) == (one.document, "added")
    assert newer(edition("a.md"), edition("a.md")) is None


def test_names_alone_make_no_versions() -> None:
    assert not versions(edition("index.html", ""), edition("index.html", ""), 0.2)
    assert not versions(edition("Report 2023.pdf", ""), edition("Report 2024.pdf", ""), 0.2)
    assert not versions(edition("2023.pdf", ""), edition("2024.pdf", ""), 0.6)
    assert not versions(edition("a.md", "A"), edition("b.md", "B"), shared(TEXT, TEXT))
    assert versions(edition("a.md", "Leave"), edition("b.md", "Leave"), shared(TEXT, TEXT))


# --- order and prompt ---------------------------------------------------------------------------

RULES = f"{TEXT} {LEAVE}"


def passage(name: str, text: str, score: float, **age: object) -> Passage:
    return Passage(uuid4(), text, "Leave", None, score, uuid4(), name, uuid4(), "en", **age)  # type: ignore[arg-type]


def test_of_two_versions_that_are_about_as_near_the_newer_comes_first() -> None:
    old, new = passage("leave v1.md", RULES, 0.90), passage("leave v2.md", RULES, 0.87)
    other = passage("travel.md", "Trains are first class.", 0.88)
    found = newest_first([old, other, new])
    assert [(each.document_name, each.score) for each in found] == [
        ("leave v2.md", 0.90),
        ("travel.md", 0.88),
        ("leave v1.md", 0.87),
    ]
    far = newest_first([old, replace(new, score=0.60)])
    assert far[0].document_name == "leave v1.md", "what is much nearer is another passage"


def test_a_model_reads_which_version_is_the_newer_one() -> None:
    day = date(2025, 1, 10)
    versions = [passage(f"leave v{n}.md", RULES, 0.9) for n in (1, 2)]
    found = newest_first([*versions, passage("leave v3.md", RULES, 0.9, dated=day)])
    assert [label_of(each) for each in found] == [
        "newer version, 2025-01-10: leave v3.md › Leave",
        "older version: leave v2.md › Leave",
        "older version: leave v1.md › Leave",
    ]
    alone = newest_first([passage("leave v1.md", RULES, 0.9, dated=day)])
    assert label_of(alone[0]) == "leave v1.md › Leave"
