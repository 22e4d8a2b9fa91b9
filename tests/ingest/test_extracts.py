"""What was read is kept, shown, put together from its parts, and goes with its document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from ingest import erase, extracts, merge
from ingest.models import Document, Extract
from ingest.parsers.base import BlockWriter, Limits, Notice, ParsedDocument, ParseError
from tests.ingest.conftest import Add

LEAVE = "# Annual leave\n\nEvery employee has 28 days.\n\n| Years | Days |\n|---|---|\n| 5 | 30 |\n"


def document(
    pages: list[tuple[int | None, str]],
    blank: tuple[int, ...] = (),
    confidence: float | None = None,
) -> ParsedDocument:
    writer = BlockWriter(Limits())
    for page, text in pages:
        writer.add("paragraph", text, page=page, confidence=confidence)
    return writer.document(title="T", pages=9, blank=blank, page_labels=tuple("abcdefghi"))


def shown(parsed: ParsedDocument) -> list[tuple[int | None, str]]:
    return [(block.page, block.text) for block in parsed.blocks]


# --- kept ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_blocks_are_read_in_parts(add: Add) -> None:
    found = add("leave.md", LEAVE)
    first, total = extracts.blocks(found, 0, 2)
    rest, _ = extracts.blocks(found, 2, 50)
    assert [block.kind for block in first + rest] == ["heading", "paragraph", "table"]
    assert total == 3 and rest[0].rows == (("Years", "Days"), ("5", "30"))
    assert extracts.blocks(found, 99, 5) == ([], 3)


@pytest.mark.django_db
def test_nothing_kept_is_no_error(add: Add) -> None:
    found = add("leave.md", LEAVE)
    for data in (b"", b"x\x9c", b"no such form"):
        Extract.objects.update(data=data)
        assert extracts.load(found.pk) is None
    extracts.forget(found.pk)
    assert extracts.blocks(found, 0, 5) == ([], 0)


@pytest.mark.django_db
def test_it_goes_with_its_document(add: Add, alice: User) -> None:
    found = add("leave.md", LEAVE)
    assert Extract.objects.filter(pk=found.pk).exists()
    erase.erase_document(alice, found)
    erase.finish_document(found.pk)
    assert not Extract.objects.exists() and not Document.objects.exists()


@pytest.mark.django_db
def test_a_file_without_text_keeps_nothing(add: Add) -> None:
    assert add("a.html", "<html><body><img src='x.png'></body></html>").error_code == "no-text"
    assert not Extract.objects.exists()


# --- merged -------------------------------------------------------------------------------------


def test_recognised_pages_stand_where_they_belong() -> None:
    parsed = document([(1, "one"), (1, "more"), (4, "four")], blank=(2, 3, 5))
    found = document([(5, "five"), (2, "two"), (2, "too")], confidence=0.5)
    whole = merge.merged(parsed, found, (2, 3, 5), Limits())
    assert shown(whole) == [
        (1, "one"), (1, "more"), (2, "two"), (2, "too"), (4, "four"), (5, "five"),
    ]  # fmt: skip
    assert whole.blank == (3,) and whole.title == "T" and whole.page_labels == parsed.page_labels
    assert merge.confidences(whole) == {2: 0.5, 5: 0.5}


def test_what_was_not_asked_for_is_not_taken() -> None:
    parsed = document([(1, "one")], blank=(2,))
    found = document([(1, "one again"), (2, "two"), (3, "three"), (None, "anywhere")])
    assert shown(merge.merged(parsed, found, (2, 3), Limits())) == [(1, "one"), (2, "two")]


def test_the_bound_of_text_holds_for_both() -> None:
    parsed = document([(1, "x" * 60)], blank=(2,))
    found = document([(2, "y" * 60)])
    with pytest.raises(ParseError, match="too-much-text"):
        merge.merged(parsed, found, (2,), Limits(max_chars=100))


PAGES = st.lists(st.integers(1, 9), unique=True, max_size=9)
TEXTS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)


@given(st.data(), PAGES)
def test_in_whatever_batches_pages_come_the_whole_is_the_same(data: Any, pages: list[int]) -> None:
    blank = tuple(page for page in range(1, 10) if page in pages)
    texts = data.draw(st.lists(TEXTS, min_size=9, max_size=9))
    holds = data.draw(st.sets(st.sampled_from(blank))) if blank else set()
    parsed = document([(p, texts[p - 1]) for p in range(1, 10) if p not in blank], blank=blank)
    size = data.draw(st.integers(1, 9))
    order = data.draw(st.permutations(pages))
    whole = parsed
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        found = document([(p, texts[p - 1]) for p in sorted(batch) if p in holds])
        whole = merge.merged(whole, found, batch, Limits())
        assert merge.merged(whole, found, batch, Limits()) == whole
    read = set(range(1, 10)) - (set(blank) - holds)
    assert shown(whole) == [(page, texts[page - 1]) for page in sorted(read)]
    assert whole.blank == tuple(page for page in blank if page not in holds)
    assert all(whole.text[b.start : b.end] == b.text for b in whole.blocks)


def test_notices_name_the_pages() -> None:
    parsed = merge.merged(
        document([(1, "one")], blank=(2, 3, 4, 9)),
        document([(2, "two"), (3, "three")], confidence=0.4),
        (2, 3),
        Limits(),
    )
    assert merge.noticed(parsed).warnings == (
        Notice("pages-without-text", 2, 9, "4, 9"),
        Notice("pages-recognised", 2, 9, "2-3"),
        Notice("recognised-poorly", 2, 9, "2-3"),
    )
    assert merge.noticed(merge.noticed(parsed)) == merge.noticed(parsed)
    assert merge.noticed(document([(1, "one")])).warnings == ()


@given(st.sets(st.integers(1, 5_000)))
def test_names_of_pages_are_short_and_true(pages: set[int]) -> None:
    names = merge.names(pages)
    assert len(names) <= merge.MAX_NAMES + 5
    told: set[int] = set()
    for name in names.removesuffix(", \u2026").split(", "):
        first, _, last = name.partition("-")
        told |= set(range(int(first), int(last or first) + 1)) if first else set()
    assert told <= pages if names.endswith("\u2026") else told == pages
