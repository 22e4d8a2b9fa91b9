"""A slide in its place, in a real browser: drawn when it is looked at, with the words marked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_ask import ANSWERED, answered
from tests.browser.test_documents import new_collection
from tests.browser.test_looks import fits, options
from tests.browser.test_viewer import drawn
from tests.ingest.test_convert import needs_office
from tests.parsing import slides as made

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(900)]

GATES = "The harbour of Quellwick has forty-one lock gates."


@needs_office
@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("narrow", "dark")])
def test_a_slide_is_drawn_while_its_text_is_read(
    sign_in: Callable[..., Page],
    picture: Callable[[Page, str], Path],
    tmp_path: Path,
    size: str,
    theme: str,
) -> None:
    show = made.deck()
    made.slide(show, "Quellwick", (0, "A town by the sea"), (1, size))
    made.slide(show, "The harbour", (0, GATES), (0, "It was dug in 1811."))
    path = made.saved(show, tmp_path / f"harbour-{size}.pptx")
    page = sign_in("alice", **options(size, theme))
    new_collection(page, f"Harbour {size}")
    page.get_by_label("Files to add").set_input_files(path)
    expect(page.locator("tr", has_text=path.name)).to_contain_text("Ready", timeout=60_000)
    page.goto("/")
    answered(page, "How many lock gates has the harbour of Quellwick?")
    page.locator(f"{ANSWERED} .cite[title^='{path.name}']").first.click()
    viewer = page.locator("#viewer")
    expect(viewer).to_contain_text("forty-one lock gates")
    drawn(viewer.locator(".leaf-page > img").first)
    drawn(viewer.locator("img.marks").first)
    fits(page)
    picture(page, f"slide-{size}-{theme}")
