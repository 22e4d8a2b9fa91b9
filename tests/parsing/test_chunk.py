"""Passages: along the structure, none empty, all text in them."""

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.atoms import MAX_UNITS, units
from ingest.chunk import ChunkDraft, chunk_document
from ingest.parsers.base import Limits, ParsedDocument
from ingest.parsers.text import parse_text
from tests.parsing.files import document

SENTENCE = "The supervisor answers each request within five working days of its receipt. "


def chunks(*blocks: tuple[object, ...], title: str = "Leave") -> list[ChunkDraft]:
    parsed = document(*blocks)
    found = chunk_document(parsed, title=title)
    check(parsed, found)
    return found


def check(parsed: ParsedDocument, found: list[ChunkDraft]) -> None:
    """What holds for every document."""
    covered = bytearray(len(parsed.text))
    for ordinal, chunk in enumerate(found):
        assert chunk.ordinal == ordinal
        assert chunk.text.strip()
        assert chunk.text.endswith(parsed.text[chunk.start : chunk.end])
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    lost = "".join(c for c, seen in zip(parsed.text, covered, strict=True) if not seen)
    assert not lost.strip(), f"not in any passage: {lost[:80]!r}"


def test_a_small_document_is_one_passage() -> None:
    (chunk,) = chunks(("heading", "Leave", {"level": 1}), ("paragraph", "Thirty days."))
    assert chunk.text == "Leave\n\nThirty days."
    assert chunk.context == "Leave"
    assert chunk.heading_path == ("Leave",)


def test_sections_do_not_mix() -> None:
    found = chunks(
        ("heading", "Travel", {"level": 1}),
        ("paragraph", SENTENCE * 6),
        ("heading", "Hotels", {"level": 2}),
        ("paragraph", SENTENCE * 6),
        ("heading", "Pay", {"level": 1}),
        ("paragraph", SENTENCE * 6),
    )
    assert [chunk.heading_path for chunk in found] == [("Travel",), ("Travel", "Hotels"), ("Pay",)]
    assert [chunk.context for chunk in found] == [
        "Leave > Travel",
        "Leave > Travel > Hotels",
        "Leave > Pay",
    ]
    assert found[1].text.startswith("Hotels\n\nThe supervisor")


def test_small_neighbours_join_but_a_higher_heading_ends_them() -> None:
    found = chunks(
        ("heading", "A", {"level": 2}),
        ("paragraph", "One line."),
        ("heading", "B", {"level": 2}),
        ("paragraph", "Another line."),
        ("heading", "Top", {"level": 1}),
        ("paragraph", "A last line."),
    )
    assert [chunk.text.split("\n")[0] for chunk in found] == ["A", "Top"]


def test_a_heading_without_a_body_is_found() -> None:
    found = chunks(("paragraph", SENTENCE * 10), ("heading", "Lonely heading", {"level": 1}))
    assert "Lonely heading" in found[-1].text
    assert [chunk.text for chunk in chunks(("heading", "Alone", {"level": 1}))] == ["Alone"]


def test_long_sections_are_cut_evenly_at_sentences() -> None:
    found = chunks(("paragraph", SENTENCE * 30))
    sizes = [len(chunk.text.split()) for chunk in found]
    assert max(sizes) <= MAX_UNITS
    assert max(sizes) - min(sizes) <= 40
    assert all(chunk.text.endswith("receipt.") for chunk in found)


def test_abbreviations_end_no_sentence() -> None:
    text = (
        "Ask Dr. Example or e.g. Mr. Sample about clause No. 5 of the rules that apply here. " * 20
    )
    found = chunks(("paragraph", text))
    assert all(chunk.text.startswith("Ask Dr. Example") for chunk in found)


def test_a_sentence_without_end_is_cut_at_spaces() -> None:
    found = chunks(("paragraph", "word " * 1_000))
    assert all(set(chunk.text.split()) == {"word"} for chunk in found)
    assert max(len(chunk.text.split()) for chunk in found) <= MAX_UNITS


def test_lists_stay_with_their_lead_in() -> None:
    items = [("list_item", f"- item number {n} of the list") for n in range(6)]
    found = chunks(("paragraph", SENTENCE * 12), ("paragraph", "You need these papers:"), *items)
    assert [chunk.text.startswith("You need") for chunk in found] == [False, True]


def test_a_list_that_is_cut_says_what_it_is() -> None:
    items = [
        ("list_item", f"- item number {n} is described with these ten more words here")
        for n in range(40)
    ]
    found = chunks(("paragraph", "You need these papers:"), *items)
    assert len(found) > 2
    assert "these papers:\n\n- item number 0" in found[0].text
    assert all(chunk.context == "Leave > You need these papers:" for chunk in found[1:])
    assert all(chunk.text.startswith("- item") for chunk in found[1:])


def test_long_tables_repeat_their_header() -> None:
    rows = (
        ("City", "Rate"),
        *((f"City number {n} of the table", f"{n} francs a night") for n in range(100)),
    )
    text = "\n".join(" | ".join(row) for row in rows)
    found = chunks(
        ("heading", "Rates", {"level": 1}), ("table", text, {"rows": rows, "header_rows": 1})
    )
    assert len(found) > 4
    assert found[0].text.startswith("Rates\n\nCity | Rate\nCity number 0")
    for chunk in found[1:]:
        assert chunk.text.startswith("City | Rate\nCity number")
        assert all(line.count(" | ") == 1 for line in chunk.text.split("\n"))
    assert max(units(chunk.text) for chunk in found) <= MAX_UNITS


def test_pages_and_boxes() -> None:
    box = (1.0, 2.0, 3.0, 4.0)
    found = chunks(
        ("paragraph", SENTENCE * 8, {"page": 3, "boxes": (box,)}),
        ("paragraph", SENTENCE * 8, {"page": 4, "boxes": (box, box)}),
    )
    assert [(chunk.page, len(chunk.boxes)) for chunk in found] == [(3, 1), (4, 2)]


def test_cjk_is_counted_by_characters_and_cut_at_full_stops() -> None:
    found = chunks(("paragraph", "従業員は毎年三十日の有給休暇を取得できる。" * 40))
    assert len(found) > 3
    assert all(chunk.text.endswith("。") for chunk in found)
    assert all(units(chunk.text) <= MAX_UNITS for chunk in found)


def test_a_context_has_an_end() -> None:
    (chunk,) = chunks(("heading", "H" * 900, {"level": 1}), ("paragraph", "x"), title="T" * 900)
    assert len(chunk.context) == 1_000


WORDS = st.sampled_from(["Rule.", "no", "x" * 40, "三十日。", "A-1", "\n", "e.g.", "!"])
TEXT = st.lists(WORDS, min_size=1, max_size=400).map(" ".join)
ROWS = st.lists(
    st.tuples(TEXT.map(lambda t: " ".join(t.split()[:80]) or "x"), st.just("cell")),
    min_size=1,
    max_size=20,
)
BLOCK = st.one_of(
    st.tuples(st.just("heading"), TEXT, st.integers(1, 6).map(lambda n: {"level": n})),
    st.tuples(st.sampled_from(["paragraph", "list_item", "code", "caption", "note"]), TEXT),
    ROWS.map(
        lambda r: ("table", "\n".join(map(" | ".join, r)), {"rows": tuple(r), "header_rows": 1})
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(BLOCK, max_size=12))
def test_any_document(blocks: list[tuple[object, ...]]) -> None:
    parsed = document(*blocks)
    found = chunk_document(parsed, title="T")
    check(parsed, found)
    for chunk in found:
        before, after = (
            parsed.text[chunk.start - 1 : chunk.start + 1],
            parsed.text[chunk.end - 1 : chunk.end + 1],
        )
        assert not re.fullmatch(r"[A-Za-z]{2}", before) and not re.fullmatch(
            r"[A-Za-z]{2}", after
        ), "cut in a word"


def test_time_grows_with_the_text() -> None:
    parsed = parse_text((SENTENCE * 5 + "\n\n") * 12_000 + "y" * 300_000, Limits())
    started = time.process_time()
    found = chunk_document(parsed, title="T")
    assert time.process_time() - started < 6
    assert len(found) > 6_000


def test_slides_stand_for_themselves() -> None:
    long = "The pump runs day and night and is looked at twice a week by the two of us. " * 4
    parsed = document(
        ("heading", "Pumps", {"level": 1, "page": 1}),
        ("paragraph", long, {"page": 1}),
        ("paragraph", long, {"page": 2}),
    )
    paths = [draft.heading_path for draft in chunk_document(parsed, title="", apart=True)]
    assert paths == [("Pumps",), ()]
    assert {draft.heading_path for draft in chunk_document(parsed, title="")} == {("Pumps",)}


def test_small_sheets_are_not_joined() -> None:
    few = "The pump runs day and night and is looked at twice a week by the two of us."
    parsed = document(
        ("heading", "Pumps", {"level": 1, "page": 1}),
        ("paragraph", few, {"page": 1}),
        ("heading", "Wells", {"level": 1, "page": 2}),
        ("paragraph", few, {"page": 2}),
    )
    pages = [draft.page for draft in chunk_document(parsed, title="", apart=True)]
    assert pages == [1, 2]
    assert len(chunk_document(parsed, title="")) == 1
