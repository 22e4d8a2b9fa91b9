"""Where documents disagree: a card below the answer, whose marks open their places."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import ANSWERED, LOOKS, fits, options

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_both_statements_stand_below_the_answer_and_open_their_places(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("vera", **options(size, theme))
    page.get_by_label("Your question").fill("What does a parking space in the garage cost a month?")
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED).last).to_be_visible(timeout=60_000)
    card = page.get_by_role("region", name="The documents disagree").last
    expect(card).to_be_visible()
    sides = card.get_by_role("listitem")
    expect(sides.nth(0)).to_contain_text("40 euros")
    expect(sides.nth(0)).to_contain_text("newer")
    expect(sides.nth(1)).to_contain_text("35 euros")
    fits(page)
    card.scroll_into_view_if_needed()
    picture(page, f"conflict-{size}-{theme}")
    sides.nth(1).get_by_role("link").click()
    viewer = page.locator("#viewer")
    expect(viewer.locator("mark").first).to_contain_text("35 euros")
    fits(page)
    picture(page, f"conflict-open-{size}-{theme}")
