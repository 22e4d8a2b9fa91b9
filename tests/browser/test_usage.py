"""What answers cost, in a real browser: prices noted, charts seen; narrow and dark, wide and light."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import ANSWERED, LEAVE, LOOKS, fits, options

pytestmark = pytest.mark.browser

SignIn = Callable[..., Page]
Picture = Callable[[Page, str], Path]


def note(page: Page, form: str, **values: str) -> None:
    """A price by the form of its kind."""
    section = page.locator(f"section[aria-labelledby='{form}-title']")
    if section.locator("details").get_attribute("open") is None:
        section.locator("summary").click()
    for name, value in values.items():
        section.locator(f"#id_{form}_{name}").fill(value)
    section.get_by_role("button", name="Note it").click()
    expect(page.get_by_text("The price is noted.")).to_be_visible()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_prices_and_charts_fit(sign_in: SignIn, picture: Picture, size: str, theme: str) -> None:
    page = sign_in("greta", **options(size, theme))
    page.goto("/usage/prices")
    note(page, "electricity", amount="0.31", since="2026-01-01", source="contract of 2026")
    note(page, "api", name="Some provider", amount="2.5", written="10", since="2026-01-01")
    note(page, "hardware", name="Server", amount="3600", months="60", since="2026-01-01")
    fits(page)
    picture(page, f"usage-prices-{size}-{theme}")
    page.goto("/")
    page.get_by_label("Your question").fill(LEAVE)
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    took = page.locator(".answer .took").last
    took.locator("summary").click()
    expect(took).to_contain_text("Some provider")
    picture(page, f"usage-answer-{size}-{theme}")
    page.goto("/usage/?show=tokens")
    expect(page.locator(".columns svg")).to_be_visible()
    picture(page, f"usage-top-{size}-{theme}")
    page.locator("#group-title").scroll_into_view_if_needed()
    picture(page, f"usage-months-{size}-{theme}")
    for summary in page.locator("details > summary", has_text="The same as a table").all()[:2]:
        summary.click()
    fits(page)
    picture(page, f"usage-{size}-{theme}")
    page.goto("/accounts/usage")
    fits(page)
    picture(page, f"usage-own-{size}-{theme}")
