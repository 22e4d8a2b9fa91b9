"""The compliance officer's pages in a real browser: calm, whole, narrow, dark, on paper."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import fits, options

pytestmark = pytest.mark.browser

PAGES = {
    "overview": "/compliance/",
    "record": "/compliance/record",
    "timeline": "/compliance/timeline",
    "access": "/compliance/access",
    "fingerprint": "/compliance/fingerprint",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_the_pages_fit(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    chosen = options(size, theme)
    if size == "narrow":
        chosen["viewport"] = {"width": 360, "height": 780}
    page = sign_in("olga", **chosen)
    for name, address in PAGES.items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
        picture(page, f"compliance-{name}-{size}-{theme}")
