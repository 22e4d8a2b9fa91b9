"""Which documents a question names: only those, and the right year of them."""

import time
from collections import OrderedDict
from datetime import date
from typing import Any
from uuid import UUID, uuid5

import pytest

from accounts.models import User
from chat import named as chat_named
from chat import names
from chat.named import named
from chat.names import Named, Names, Title
from ingest.models import Collection, Document
from tests.people import make_collection, make_document

SPACE = UUID(int=7)
TITLES = {
    "guide23.pdf": ("Travel guide 2023", None),
    "guide24.pdf": ("Travel guide 2024", None),
    "leave.md": ("Leave", None),
    "travel.md": ("Travel", None),
    "smart-bulletin-033.eml": ("Prohibition on certain equipment", None),
    "smart-bulletin-034.eml": ("Data of former banks", None),
    "refund-report.xlsx": ("refund-report", date(2025, 3, 1)),
    "conduct.md": ("Code of conduct", None),
    "san-francisco.md": ("San Francisco", None),
    "reise.docx": ("Reisekostenrichtlinie: Inland und Ausland", date(2024, 1, 1)),
    "securite.odt": ("Politique de sécurité informatique", None),
    "parental.md": ("Paid parental leave", None),
}
NAMES = Names.of(
    Title(uuid5(SPACE, file), title, file, dated) for file, (title, dated) in TITLES.items()
)
FILES = {uuid5(SPACE, file): file for file in TITLES}


def said(question: str, language: str = "en") -> dict[str, Named]:
    return {FILES[one.document]: one for one in NAMES.named_in(question, language)}


@pytest.mark.parametrize(
    ("question", "language", "file"),
    [
        ("In the 2024 travel guide, what is the rate?", "en", "guide24.pdf"),
        ("What does the travel guide 2023 say on taxis?", "en", "guide23.pdf"),
        ("According to Smart Bulletin 33, may I buy it?", "en", "smart-bulletin-033.eml"),
        ("What does Smart Bulletin No. 034 ask for?", "en", "smart-bulletin-034.eml"),
        ("According to the code of conduct, are gifts allowed?", "en", "conduct.md"),
        ("What is the sum in the refund report?", "en", "refund-report.xlsx"),
        ("What is the sum in the 2025 refund report?", "en", "refund-report.xlsx"),
        ("What does guide23.pdf say about taxis?", "en", "guide23.pdf"),
        ("Where does “Paid parental leave” say so?", "en", "parental.md"),
        ("Was gilt laut Reisekostenrichtlinie im Inland?", "de", "reise.docx"),
        ("Laut Smart Bulletin Nr. 33 darf ich das?", "de", "smart-bulletin-033.eml"),
        ("Selon la politique de sécurité informatique, que faire ?", "fr", "securite.odt"),
    ],
)
def test_what_is_named_is_found_and_nothing_else(question: str, language: str, file: str) -> None:
    found = said(question, language)
    assert [name for name, one in found.items() if one.strong] == [file]


@pytest.mark.parametrize(
    "question",
    [
        "How much leave do I have?",
        "Which travel costs are paid?",
        "In the 2022 travel guide, what is the rate?",
        "What does Smart Bulletin 44 say?",
        "What is the sum in the 2019 refund report?",
        "Laut Handbuch?",
        "",
        "?!",
        'The "Leave" of it',
    ],
)
def test_common_words_and_other_years_name_nothing(question: str) -> None:
    assert said(question) == {}


def test_a_place_or_a_subject_is_a_hint_at_most() -> None:
    assert not said("What is the rate in San Francisco?")["san-francisco.md"].strong
    assert not said("How long is paid parental leave?")["parental.md"].strong


def test_editions_that_the_question_does_not_tell_apart_are_all_meant() -> None:
    found = said("In the travel guide, what is the rate?")
    assert found.keys() == {"guide23.pdf", "guide24.pdf"}
    assert not any(one.strong for one in found.values())


def test_a_title_that_many_share_names_none() -> None:
    titles = [Title(uuid5(SPACE, str(n)), "Monthly report", "report.pdf") for n in range(9)]
    assert Names.of(titles).named_in("In the monthly report, what is said?", "en") == []


def test_hostile_questions_end() -> None:
    for question in ("a.b" * 2_000, '"' * 3_000, "travel guide " * 1_000, "- " * 2_000 + ".pdf"):
        NAMES.named_in(question, "en")


def test_only_titles_of_the_searched_collections_count(alice: User, collection: Collection) -> None:
    mine = make_document(collection, name="a.txt")
    other = make_collection(alice, name="Other")
    make_document(other, "x", name="b.txt")
    Document.objects.update(title="Travel guide 2024")
    question = "In the travel guide 2024, what is the rate?"
    assert [one.document for one in named(question, [collection.pk])] == [mine.pk]
    assert not named(question, [])
    assert not named(question, [collection.pk], frozenset())


def test_a_new_document_is_named_at_once(alice: User, collection: Collection) -> None:
    question = "In the code of conduct, what is said?"
    assert named(question, [collection.pk]) == []
    found = make_document(collection, name="code-of-conduct.txt")
    assert [one.document for one in named(question, [collection.pk])] == [found.pk]
    Document.objects.filter(pk=found.pk).update(visible=False)
    assert named(question, [collection.pk]) == []


def test_marks_of_quotation_without_end_cost_nothing() -> None:
    """Two parts of a pattern that may both take white space try all ways: seconds for a thousand."""

    def seconds(many: int) -> float:
        """Of this thread alone, without what else the machine did meanwhile."""
        spent = []
        for _ in range(3):
            began = time.thread_time()
            assert not list(names._QUOTED.finditer('"' + " " * many))
            spent.append(time.thread_time() - began)
        return min(spent)

    assert seconds(200_000) < 10 * seconds(50_000) + 0.05, "in proportion, not by the square"


def test_white_space_within_marks_of_quotation_is_no_matter() -> None:
    (found,) = names._QUOTED.finditer('What says " Travel guide " of it?')
    assert found[1].split() == ["Travel", "guide"]


def test_titles_are_kept_of_no_more_than_so_many_and_left_out_above_a_bound(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: OrderedDict[Any, Any] = OrderedDict()
    monkeypatch.setattr(chat_named, "_kept", kept)
    monkeypatch.setattr(chat_named, "MOST_IN_ALL", 4)
    monkeypatch.setattr(chat_named, "MOST_TITLES", 3)
    spaces = [make_collection(alice, name=f"C{n}") for n in range(3)]
    for n, space in enumerate(spaces):
        for i in range(2 * n or 2):
            make_document(space, f"Guide {n} {i}.", f"guide-{n}-{i}.pdf")
    question = "What does guide-0-0.pdf say?"
    assert named(question, [spaces[0].pk])
    named(question, [spaces[1].pk])
    assert len(kept) == 2
    assert named("What does guide-2-0.pdf say?", [spaces[2].pk]) == [], "4 titles: too many"
    make_document(spaces[1], "Another guide.", "guide-1-2.pdf")
    named(question, [spaces[1].pk])
    assert frozenset([spaces[0].pk]) not in kept, "5 titles in all"


def test_while_names_are_made_others_go_by_the_old_ones(
    alice: User, collection: Collection
) -> None:
    first = make_document(collection, name="code-of-conduct.txt")
    question = "What does code-of-conduct.txt say?"
    assert len(named(question, [collection.pk])) == 1
    Document.objects.filter(pk=first.pk).update(visible=False)
    with chat_named._making:
        assert len(named(question, [collection.pk])) == 1, "nobody waits"
    assert named(question, [collection.pk]) == []
