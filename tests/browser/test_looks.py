"""How the pages look and fit: wide and narrow, light and dark. Pictures can be kept (conftest.py)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

pytestmark = pytest.mark.browser

SIZES = {"wide": (1280, 860), "narrow": (390, 844)}
#: Each size and each theme once; the other two pairs with the tests that take minutes.
LOOKS = [
    ("wide", "light"),
    ("narrow", "dark"),
    pytest.param("wide", "dark", marks=pytest.mark.long),
    pytest.param("narrow", "light", marks=pytest.mark.long),
]
LEAVE = "How many days of annual leave does a full-time employee have in each calendar year?"
ANSWERED = ".answer:not([data-stream])"


def options(size: str, theme: str) -> dict[str, object]:
    width, height = SIZES[size]
    return {"viewport": {"width": width, "height": height}, "color_scheme": theme}


def beyond(page: Page) -> int:
    """The pixels by which a page is wider than its window."""
    while True:
        page.wait_for_load_state()
        page.locator("body").wait_for()
        try:
            return int(
                page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
            )
        except Error as error:
            # After a click or a step back the new page may not have begun: it is measured, then.
            if "context was destroyed" not in str(error):
                raise


def fits(page: Page) -> None:
    """Nothing reaches beyond the right edge, which a finger would have to push around."""
    overflow = beyond(page)
    assert overflow <= 0, f"{page.url} is {overflow} px too wide"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_every_page_fits(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("dana", **options(size, theme))
    for name, address in {
        "welcome": "/",
        "users": "/accounts/users/",
        "groups": "/accounts/groups/",
        "profile": "/accounts/profile/",
        "none": "/collections",
        "new": "/collections/new",
    }.items():
        page.goto(address)
        fits(page)
        picture(page, f"{name}-{size}-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_an_answer_and_its_documents_fit(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("alice", **options(size, theme))
    page.get_by_label("Your question").fill(LEAVE)
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    page.locator(".cite").first.click()
    fits(page)
    picture(page, f"answer-{size}-{theme}")
    page.get_by_role("link", name="Open in the document").click()
    expect(page.locator(".chunk:target")).to_be_in_viewport()
    fits(page)
    picture(page, f"document-{size}-{theme}")
    for name, link in {"collection": "Sample handbook", "settings": "Settings and access"}.items():
        page.get_by_role("link", name=link).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(link)
        fits(page)
        picture(page, f"{name}-{size}-{theme}")


def test_the_chosen_appearance_is_kept(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice", color_scheme="light")
    page.locator("summary", has=page.locator(".avatar")).click()
    page.get_by_label("Dark", exact=True).check(force=True)
    dark = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.reload()
    page.goto("/collections")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_the_pages_speak_german(open_context: Callable[..., BrowserContext]) -> None:
    page = open_context(locale="de-DE").new_page()
    page.goto("/accounts/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator(".colophon")).to_contain_text("Läuft auf diesem Rechner")


def test_picture_for_the_readme(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = sign_in("bob", viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
    page.get_by_label("Your question").fill(LEAVE)
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    page.locator(".cite").first.click()
    picture(page, "ask")
