"""The search page in a real browser: found, narrowed, opened, handed over to be asked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


def search(page: Page, query: str) -> None:
    page.get_by_label("Words or a question").fill(query)
    page.keyboard.press("Enter")
    expect(page.locator(".found").first).to_be_visible()


def opened(page: Page) -> Page:
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name="Search")).to_be_visible()
    return page


def test_a_search_shows_passages_and_leads_to_their_place(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = opened(sign_in("alice"))
    picture(page, "search-empty")
    search(page, "days of annual leave")
    assert "q=days" in page.url
    expect(page.locator(".found mark").first).to_be_visible()
    page.locator(".why summary").first.click()
    expect(page.locator(".why meter").first).to_be_visible()
    picture(page, "search-found")
    page.locator(".found h2 a").first.click()
    expect(page.locator(".chunk:target")).to_be_in_viewport()


def test_filters_are_kept_in_the_address(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = opened(sign_in("alice"))
    page.get_by_text("Where to look").click()
    page.get_by_label("PDF").check()
    search(page, "travel expenses")
    picture(page, "search-filtered")
    names = page.locator(".found-where span:first-child").all_inner_texts()
    assert names and all(name.endswith(".pdf") for name in names)
    page.reload()
    expect(page.get_by_label("PDF")).to_be_checked()
    expect(page.locator(".found").first).to_be_visible()
    page.get_by_label("Document", exact=True).press_sequentially("remote")
    expect(page.locator("#named-list option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    picture(page, "search-nothing")
    page.get_by_role("link", name="Search everywhere").click()
    expect(page.locator(".found").first).to_be_visible()


def test_more_keeps_the_place_and_the_focus(sign_in: Callable[..., Page]) -> None:
    page = opened(sign_in("alice"))
    search(page, "leave travel work information security")
    first = page.locator(".found").count()
    more = page.get_by_role("link", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".found")).not_to_have_count(first)
    assert re.search(r"k=20", page.url)


def test_a_query_is_handed_over_to_be_asked(sign_in: Callable[..., Page]) -> None:
    page = opened(sign_in("bob"))
    search(page, "annual leave days")
    page.get_by_role("button", name="Ask this").click()
    expect(page.get_by_label("Your question")).to_have_value("annual leave days")


def test_it_works_without_scripts(sign_in: Callable[..., Page], watch: Watch) -> None:
    sign_in("alice")
    page = opened(sign_in("alice", java_script_enabled=False))
    page.get_by_label("Words or a question").fill("annual leave")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".found").first).to_be_visible()
    page.locator(".why summary").first.click()
    expect(page.locator(".why meter").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_all_of_it(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], scheme: str
) -> None:
    page = opened(sign_in("alice", viewport=PHONE, color_scheme=scheme))
    search(page, "meal allowance kilometre")
    picture(page, f"search-phone-{scheme}")
    page.get_by_text("Where to look").click()
    picture(page, f"search-phone-filters-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_question_is_narrowed_beside_the_composer(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = sign_in("alice")
    page.locator("[data-filters] > summary").click()
    # By its words, as people do: the page around takes the focus while the mouse is down.
    page.locator("[data-filters]").get_by_text("PDF", exact=True).click()
    expect(page.locator("[data-filters]").get_by_label("PDF")).to_be_checked()
    expect(page.locator("[data-filter-count]")).to_have_text("1")
    picture(page, "ask-filters")
    page.keyboard.press("Escape")
    page.get_by_label("Your question").fill("What does the company pay for a kilometre?")
    page.keyboard.press("Enter")
    expect(page.locator(".exchange:last-child .answer:not([data-stream])")).to_be_visible(
        timeout=60_000
    )
    names = page.locator(".exchange:last-child .source .name").all_inner_texts()
    assert names and all(name.endswith(".pdf") for name in names)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text("Answer 2 of 2")).to_be_visible(timeout=60_000)
    expect(page.locator(".exchange:last-child .answer:not([data-stream])")).to_be_visible(
        timeout=60_000
    )
    names = page.locator(".exchange:last-child .source .name").all_inner_texts()
    assert names and all(name.endswith(".pdf") for name in names)


def test_one_document_is_asked_and_let_go(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = opened(sign_in("alice"))
    search(page, "meal allowance kilometre")
    page.get_by_role("link", name="Ask about this document").first.click()
    chip = page.locator(".chip")
    expect(chip).to_contain_text("Only in:")
    name = chip.inner_text().removeprefix("Only in:").strip()
    picture(page, "ask-only")
    page.get_by_label("Your question").press("Enter")
    answered = page.locator(".exchange:last-child .answer:not([data-stream])")
    expect(answered).to_be_visible(timeout=60_000)
    page.reload()
    assert set(page.locator(".source .name").all_inner_texts()) == {name}
    chip.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    expect(chip).to_have_count(0)
    expect(page.get_by_label("Your question")).to_be_focused()
