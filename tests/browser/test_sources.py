"""The sources of a collection as a manager meets them, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.test_looks import LOOKS, fits, options

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_source_is_followed_and_put_away(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    page = sign_in("alice", **options(size, theme))
    page.goto("/collections")
    page.get_by_role("link", name="Sample handbook").first.click()
    page.get_by_role("link", name="Sources", exact=True).click()
    fits(page)
    page.get_by_role("link", name="Follow a source").click()
    page.get_by_role("navigation", name="Kind of source").get_by_role("link", name="IMAP").click()
    expect(page.get_by_label("Server")).to_be_visible()
    fits(page)
    picture(page, f"source-imap-{size}-{theme}")
    page.get_by_role("navigation", name="Kind of source").get_by_role("link", name="Folder").click()
    page.get_by_label("Name").fill(f"Team {size} {theme}")
    page.get_by_label("Folder", exact=True).fill("/nowhere")
    page.get_by_label("Not these").fill("Archive/*")
    page.get_by_role("button", name="Follow it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Team {size} {theme}")
    fits(page)
    picture(page, f"source-{size}-{theme}")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    page.get_by_role("link", name="Sources", exact=True).click()
    fits(page)
    picture(page, f"sources-{size}-{theme}")
    page.get_by_role("link", name=f"Team {size} {theme}").click()
    page.get_by_role("link", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Its documents stay")
    dialog.get_by_role("button", name="Remove the source").click()
    expect(page.get_by_text("followed no longer")).to_be_visible()


def test_what_is_wrong_is_said(sign_in: Callable[..., Page], watch: Watch) -> None:
    watch.allowed.append("422")
    page = sign_in("alice")
    page.goto("/collections")
    page.get_by_role("link", name="Sample handbook").first.click()
    page.get_by_role("link", name="Sources", exact=True).click()
    page.get_by_role("link", name="Follow a source").click()
    page.get_by_label("Name").fill("Team")
    page.get_by_label("Folder", exact=True).fill("/nowhere")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("This folder may not be watched.")).to_be_visible()
    expect(page.get_by_label("Folder", exact=True)).to_have_value("/nowhere")
