"""Export and import of a collection, wide and narrow, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import fits, options

pytestmark = pytest.mark.browser
LOOKS = [("wide", "light"), ("narrow", "dark")]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_export_and_import_pages_fit(
    sign_in: Callable[..., Page],
    picture: Callable[[Page, str], Path],
    tmp_path: Path,
    size: str,
    theme: str,
) -> None:
    page = sign_in("alice", **options(size, theme))
    page.goto("/collections")
    page.get_by_role("link", name="Handbook").first.click()
    page.get_by_role("link", name="Settings and access").click()
    page.get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Make the archive").click()
    expect(page.get_by_text("Waiting").first).to_be_visible()
    fits(page)
    picture(page, f"export-{size}-{theme}")
    page.goto("/collections/import")
    fits(page)
    picture(page, f"imports-{size}-{theme}")
    file = tmp_path / "a.zip"
    file.write_bytes(b"No archive.")
    page.locator("#archive").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("button", name="Give it up")).to_be_visible()
    fits(page)
    picture(page, f"import-{size}-{theme}")
