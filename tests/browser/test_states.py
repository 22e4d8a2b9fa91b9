"""What is said of each document, in the list and on its page; nothing of it breaks the page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.states import NAME
from tests.browser.test_looks import LOOKS, fits, options

pytestmark = pytest.mark.browser

SAID = {
    "minutes-2025.pdf": ["Waiting"],
    "lease.pdf": ["Reading, page 3 of 40", "A worker was lost over it"],
    "deeds.tiff": ["Recognising text, picture 3 of 40"],
    "talk.pptx": ["Reading, slide 12 of 30"],
    "manual.docx": ["Understanding, 120 of 800 passages", "Found by its words so far."],
    "locked.pdf": ["Failed", "Upload a copy without it.", "will not help"],
    "unlucky.docx": ["Failed", "Trying again may help."],
    "unwanted.pdf": ["Stopped"],
    "contract.pdf": ["Ready", "3 notices"],
    "films.zip": ["ZIP", "3 files in it"],
}


def open_states(page: Page) -> None:
    page.goto("/collections")
    page.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    page.wait_for_load_state("load")


def test_each_state_is_said(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    open_states(page)
    for name, words in SAID.items():
        for said in words:
            expect(page.locator("tr", has_text=name)).to_contain_text(said)
    expect(page.locator("#documents")).to_contain_text("6 in work")
    page.get_by_label("Kind", exact=True).select_option(label="PowerPoint (PPTX)")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Kind", exact=True).select_option("")
    page.locator("tr", has_text="films.zip").get_by_role("link", name="3 files in it").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_reader_stops_nothing(sign_in: Callable[..., Page]) -> None:
    page = sign_in("bob")
    open_states(page)
    expect(page.locator("tr", has_text="lease.pdf")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    page.get_by_role("link", name="unlucky.docx").click()
    expect(page.get_by_role("button", name="Read it again")).to_have_count(0)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_states_and_views_fit(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("alice", **options(size, theme))
    open_states(page)
    page.locator("#documents").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#documents-title').scrollIntoView()")
    fits(page)
    picture(page, f"states-{size}-{theme}")
    for name, views in {
        "contract.pdf": ["Passages", "What was read", "About"],
        "budget.xlsx": ["Passages", "What was read", "About"],
        "films.zip": ["Files", "About"],
        "locked.pdf": ["What was read"],
        "lease.pdf": ["Passages"],
    }.items():
        open_states(page)
        page.get_by_role("link", name=name, exact=True).click()
        for view in views:
            page.get_by_role("navigation", name="Views of this document").get_by_role(
                "link", name=view
            ).click()
            page.wait_for_load_state("load")
            fits(page)
            assert page.title() != "broken"
            picture(page, f"view-{name}-{view.replace(' ', '-')}-{size}-{theme}")


def test_the_blocks_say_how_they_were_read(sign_in: Callable[..., Page]) -> None:
    page = sign_in("bob")
    open_states(page)
    page.get_by_role("link", name="contract.pdf").click()
    expect(page.locator(".chunk").first).to_contain_text("recognised, 93% sure")
    expect(page.locator(".page-mark").first).to_have_text("Page i")
    page.get_by_role("link", name="What was read").click()
    expect(page.locator(".block").first).to_contain_text("Heading 1")
    expect(page.locator(".block.is-list_item")).to_contain_text("recognised, 52% sure")
    page.get_by_role("link", name="About", exact=True).click()
    for said in ("A. Notary", "3 Apr 2019", "87 %", "2 of 3: i, 1", "8.2 seconds", "English"):
        expect(page.locator(".text")).to_contain_text(said)


def test_documents_are_stopped(sign_in: Callable[..., Page]) -> None:
    """Last: it changes what the others look at."""
    page = sign_in("alice")
    open_states(page)
    row = page.locator("tr", has_text="talk.pptx")
    row.get_by_role("button", name="Stop reading talk.pptx").click()
    expect(row).to_contain_text("Stopped")
    expect(page.locator("#messages")).to_contain_text("was stopped")
    page.get_by_role("button", name="Stop all that wait").click()
    expect(page.locator("tr", has_text="minutes-2024.pdf")).to_contain_text("Stopped")
    expect(page.locator("#messages")).to_contain_text("2 documents were stopped.")
