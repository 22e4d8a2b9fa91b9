"""Erasures and receipts, wide and narrow, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import fits, options

pytestmark = pytest.mark.browser
LOOKS = [("wide", "light"), ("narrow", "dark")]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_receipts_fit(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("dana", **options(size, theme))
    page.goto("/erasures")
    expect(page.get_by_role("button", name="Prove now")).to_be_visible()
    expect(page.get_by_text("Vectors without a passage")).to_be_visible()
    fits(page)
    picture(page, f"erasures-{size}-{theme}")
    page.goto("/erasures?state=found")
    page.locator("tbody a").first.click()
    expect(page.get_by_text("logs/text: 2")).to_be_visible()
    fits(page)
    picture(page, f"receipt-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS[:1])
def test_who_asked_takes_the_receipt_along(
    sign_in: Callable[..., Page], tmp_path: Path, size: str, theme: str
) -> None:
    page = sign_in("erin", **options(size, theme))
    page.goto("/collections")
    page.get_by_role("link", name="Erasures").first.click()
    page.get_by_label("State").select_option("proven")
    page.get_by_role("button", name="Show").click()
    page.locator("tbody a").first.click()
    expect(page.get_by_text("None of them was found.")).to_be_visible()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Take it along (JSON)").click()
    coming.value.save_as(tmp_path / "receipt.json")
    assert '"proven"' in (tmp_path / "receipt.json").read_text(encoding="utf-8")
