"""Holds, retention and erasure as an officer meets them, and one's own data, in a real browser."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch

pytestmark = pytest.mark.browser

WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 380, "height": 800}


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_pages_fit(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: dict[str, int]
) -> None:
    page = sign_in("olga", viewport=size)
    for name in ("holds", "retention", "person"):
        page.goto(f"/compliance/{name}")
        expect(page.locator("h1")).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], name
        picture(page, f"keeping-{name}-{size['width']}")


def test_a_hold_is_placed_and_released(sign_in: Callable[..., Page]) -> None:
    page = sign_in("olga")
    page.goto("/compliance/holds")
    page.get_by_label("What is held").select_option("user")
    page.get_by_label("Which one").fill("dana@example.com")
    page.get_by_label("Number of the case").fill("2026-17/HR")
    page.get_by_role("button", name="Hold", exact=True).click()
    row = page.locator("tbody tr", has_text="2026-17/HR")
    expect(row).to_contain_text("dana@example.com")
    page.get_by_role("button", name="Release the hold of case 2026-17/HR").click()
    expect(row).to_contain_text("Released")


def test_a_slip_is_told_beside_the_field(sign_in: Callable[..., Page], watch: Watch) -> None:
    watch.allowed.append("422")
    page = sign_in("olga")
    page.goto("/compliance/holds")
    page.get_by_label("Number of the case").fill("Miller said so")
    page.get_by_label("Which one").fill("nobody")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text("There is none. Check the id or the e-mail.")).to_be_visible()


def test_one_takes_ones_data_along(sign_in: Callable[..., Page], tmp_path: Path) -> None:
    page = sign_in("olga")
    page.goto("/accounts/profile/")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Take along what is kept about you").click()
    file = tmp_path / "mine.zip"
    coming.value.save_as(file)
    with zipfile.ZipFile(file) as archive:
        assert "account.json" in archive.namelist()
