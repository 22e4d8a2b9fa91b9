"""Which documents an evidence's file means."""

from uuid import UUID, uuid4

import pytest

from evaluation.matching import Files, matched, names_of

A, B, C, D = (uuid4() for _ in range(4))
FILES = Files(
    [
        (A, "handbook/people", "leave.md"),
        (B, "handbook/travel", "leave.md"),
        (C, "", "budget.xlsx"),
        (D, "people", "pay.md"),
    ]
)


@pytest.mark.parametrize(
    ("file", "documents"),
    [
        ("handbook/people/leave.md", [A]),
        ("people/leave.md", [A]),
        ("/corpus/handbook/travel/leave.md", [B]),
        ("leave.md", [A, B]),
        ("other/leave.md", []),
        ("somewhere/budget.xlsx", [C]),
        ("handbook/people/pay.md", [D]),
        (r"handbook\people\pay.md", [D]),
        ("nothing.md", []),
        ("", []),
        ("../..", []),
    ],
)
def test_files_are_found_by_the_end_of_their_path(file: str, documents: list[UUID]) -> None:
    assert FILES.of(file) == documents


def question(**fields: object) -> dict[str, object]:
    return {"evidence": [], "also_in": [], **fields}


def test_a_question_gets_documents_for_files() -> None:
    asked = question(evidence=[{"file": "leave.md", "quote": "28"}], also_in=["budget.xlsx"])
    found = matched(asked, FILES)
    assert found is not None
    assert found["evidence"] == [{"file": str(A), "quote": "28"}]
    assert found["also_in"] == [str(C), str(B)]


def test_the_same_words_elsewhere_stand_in_for_a_file_that_is_not_there() -> None:
    asked = question(evidence=[{"file": "gone.md", "quote": "28"}], also_in=["pay.md"])
    found = matched(asked, FILES)
    assert found is not None and found["evidence"][0]["file"] == str(D)
    assert matched({**asked, "also_in": []}, FILES) is None


def test_a_document_that_is_named_wins() -> None:
    part = {"file": "leave.md", "quote": "28", "document": str(B)}
    found = matched(question(evidence=[part]), FILES)
    assert found is not None and found["evidence"][0]["file"] == str(B)
    gone = {**part, "document": "no id"}
    found = matched(question(evidence=[gone]), FILES)
    assert found is not None and found["evidence"][0]["file"] == str(A)


def test_names_are_those_that_a_database_is_asked_for() -> None:
    asked = question(evidence=[{"file": "a/b.md", "quote": ""}], also_in=["c.md", "/"])
    assert names_of([asked]) == {"b.md", "c.md"}
