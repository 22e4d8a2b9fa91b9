"""The sentences that the check of answers is measured with."""

from bench.changes import changes
from bench.verify import Case, figures, marked, measure
from chat.cite import Basis

SENTENCE = "You must ask Anna Schmidt by July 1, 2024: 28 days at GS-13."
PASSAGE = Basis(f"{SENTENCE} Other rules apply to Peter Meyer.", "Leave", None, "en")


def case(key: str, passage: Basis = PASSAGE) -> Case:
    question = {"id": key, "question": "When must I ask?", "language": "en"}
    return Case(question, (SENTENCE,), (passage,), 1)


def test_each_change_replaces_one_thing_and_is_the_same_every_time() -> None:
    drawn = list(changes(SENTENCE, "en", ["Peter Meyer"], "seed"))
    assert drawn == list(changes(SENTENCE, "en", ["Peter Meyer"], "seed"))
    assert {"number", "date", "name", "code", "unit", "denial"} <= {each.kind for each in drawn}
    assert all(each.text != SENTENCE and each.now in each.text for each in drawn)


def test_changed_sentences_are_marked_and_unchanged_ones_are_not() -> None:
    assert not marked(SENTENCE, case("dev-001"))
    assert marked(SENTENCE.replace("28", "29"), case("dev-001"))


def test_figures_tell_odd_and_even_questions_apart() -> None:
    elsewhere = Basis("The canteen serves soup.", "Canteen", None, "en")
    rows = measure([case("dev-001"), case("dev-002", elsewhere)])
    whole = next(
        each for each in figures(rows) if (each["set"], each["kind"]) == ("unchanged", "all")
    )
    assert (whole["n"], whole["odd"], whole["even"]) == (2, 0.0, 1.0)
