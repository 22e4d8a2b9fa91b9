"""A source in its place, in a real browser: the page with the words marked, led by mouse and keyboard."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.test_ask import ANSWERED, LEAVE, answered, ask
from tests.browser.test_looks import LOOKS, fits, options

pytestmark = pytest.mark.browser

MEALS = "How much is the daily meal allowance on a trip in Germany?"
DRAWN = "img => img.complete && img.naturalWidth > 0"


def drawn(image: Locator) -> None:
    expect(image).to_be_visible()
    handle = image.element_handle()
    image.page.wait_for_function(DRAWN, arg=handle)


def of_pdf(page: Page) -> Locator:
    """The panel with a citation into the PDF."""
    answered(page, MEALS)
    page.locator(f"{ANSWERED} .cite[title^='travel-and-expenses.pdf']").first.click()
    return page.locator("#viewer")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_page_and_a_section_in_their_places(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("alice", **options(size, theme))
    viewer = of_pdf(page)
    drawn(viewer.locator(".leaf-page > img").first)
    drawn(viewer.locator("img.marks").first)
    expect(viewer.locator("img.marks").first).to_be_in_viewport()
    fits(page)
    picture(page, f"viewer-page-{size}-{theme}")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    answered(page, LEAVE)
    page.locator(f"{ANSWERED} .cite").first.click()
    expect(viewer.locator("mark").first).to_be_in_viewport()
    fits(page)
    picture(page, f"viewer-text-{size}-{theme}")
    page.goto(page.locator(".exchange:last-child .cite").first.get_attribute("href") or "")
    expect(page.locator("mark").first).to_contain_text("28 days")
    fits(page)
    picture(page, f"viewer-alone-{size}-{theme}")


def test_the_keyboard_opens_turns_and_closes(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.locator(f"{ANSWERED} .prose").click()
    page.keyboard.press("1")
    title = page.locator("#viewer-title")
    expect(title).to_be_focused()
    expect(page.locator(".viewer .n")).to_have_text(re.compile("1$"))
    first = page.url
    assert "source=1" in first
    page.keyboard.press("2")
    expect(page.locator(".viewer .n")).to_have_text(re.compile("2$"))
    expect(page.locator("#viewer")).to_have_js_property("open", True)
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("source="))
    page.goto(first)
    expect(page.locator(".viewer mark").first).to_contain_text("28 days")


def test_digits_that_are_typed_stay_digits(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.get_by_label("Your question").fill("")
    page.get_by_label("Your question").press_sequentially("12")
    expect(page.get_by_label("Your question")).to_have_value("12")
    expect(page.locator("#viewer")).to_be_hidden()


def test_digits_can_be_turned_off(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.get_by_label("Your account").click()
    page.get_by_label("Keys 1 to 9 open sources").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.locator(f"{ANSWERED} .prose").click()
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    expect(page.locator("#viewer")).to_be_hidden()


def test_escape_closes_one_thing_at_a_time(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.locator(f"{ANSWERED} .cite").first.click()
    expect(page.locator("#viewer-title")).to_be_focused()
    page.get_by_label("Your account").click()
    expect(page.locator("details.menu[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("details.menu[open]")).to_have_count(0)
    expect(page.locator("#viewer-title")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()


def test_next_and_previous_lead_through_the_citations(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.locator(f"{ANSWERED} .cite").first.click()
    viewer, shown = page.locator("#viewer"), page.locator("#viewer [data-viewer]")
    expect(shown).to_have_attribute("data-n", "1")
    expect(page.locator(".cite[aria-current]")).to_have_count(1)
    viewer.get_by_role("link", name="Next").click()
    expect(shown).to_have_attribute("data-n", "2")
    expect(page.locator(".cite[aria-current]")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_attribute("data-n", "1")


def test_a_source_opens_while_the_answer_is_written(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    ask(page, "How does the ballad of the lighthouse go?")
    live = page.locator(".answer[data-stream]")
    expect(live.locator(".source").first).to_be_visible()
    page.locator("h2.question").last.click()
    page.keyboard.press("1")
    expect(page.locator("#viewer-title")).to_be_focused()
    expect(live).to_be_visible()
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    expect(page.locator("#viewer-title")).to_be_visible()


def test_without_scripts_a_citation_leads_to_a_page(
    sign_in: Callable[..., Page], open_context: Callable[..., object]
) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    plain = page.context.browser.new_context(  # type: ignore[union-attr]
        java_script_enabled=False,
        storage_state=page.context.storage_state(),
        base_url=page.url.split("/c/")[0],
    )
    alone = plain.new_page()
    alone.goto(page.url)
    alone.locator(f"{ANSWERED} .cite").first.click()
    expect(alone.locator("mark").first).to_contain_text("28 days")
    alone.get_by_role("link", name="Back to the answer").click()
    expect(alone.locator(ANSWERED)).to_be_visible()
    plain.close()


def test_a_second_citation_takes_the_place_of_one_that_still_loads(
    sign_in: Callable[..., Page], watch: Watch
) -> None:
    # What is dropped is said by htmx, as it says what failed.
    watch.allowed += ["htmx:sendAbort", "htmx:afterRequest"]
    page = sign_in("alice")
    answered(page, LEAVE)
    held: list[Route] = []
    page.route(re.compile(r"/sources/1/"), lambda route: held.append(route))
    page.locator(f"{ANSWERED} .prose").click()
    page.keyboard.press("1")
    expect(page.locator("#viewer")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.locator(".viewer .n")).to_have_text(re.compile("2$"))
    # Nor does an answer wait for a source: its end comes while one is held.
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    answered(page, MEALS)
    assert len(held) == 2
