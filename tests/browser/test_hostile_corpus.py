"""The corpus of tests/hostile in a browser: not one request elsewhere, no script, no dialog."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.test_ask import ANSWERED, ask
from tests.browser.test_documents import new_collection
from tests.browser.test_hostile import at_rest, crawl, network
from tests.hostile.conftest import FILES
from tests.hostile.corpus import ATTEMPTS

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(1_200)]

#: What reaches an answer in a browser: one of each few; all of them stand in documents.
ASKED = [each for each in ATTEMPTS if each.family != "wire"][::6]


def upload(page: Page) -> None:
    new_collection(page, "Rules of leave")
    for name, make in FILES.items():
        payload: Any = {"name": name, "mimeType": "text/plain", "buffer": make()}
        page.locator("#files").set_input_files([payload])
    expect(page.locator("tr", has_text="Ready")).to_have_count(len(FILES), timeout=120_000)


def test_the_corpus_loads_runs_and_opens_nothing(
    sign_in: Callable[..., Page], base_url: str
) -> None:
    page = sign_in("alice")
    sent = network(page, base_url)
    dialogs: list[str] = []

    def said(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", said)
    upload(page)
    for attempt in ASKED:
        page.goto("/")
        ask(page, attempt.text[:600])
        expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
        at_rest(page)
        assert page.evaluate("window.__owned") is None, attempt.name
    opened = list(crawl(page, base_url, "/", "/collections"))
    for path in opened:
        page.goto(path)
        assert page.evaluate("window.__owned") is None, path
    assert len(opened) > 20
    assert sent == [] and dialogs == []
    assert len(page.context.pages) == 1
