"""The compliance officer's pages in a real browser: calm, whole, narrow, dark, on paper."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
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


def test_prove_now_tells_what_became_of_it(sign_in: Callable[..., Page]) -> None:
    page = sign_in("olga")
    page.get_by_role("link", name="Compliance").click()
    page.get_by_role("button", name="Prove now").click()
    result = page.locator("#proof-result")
    expect(result).to_contain_text("just now", timeout=60_000)
    expect(result).to_contain_text("attempts were refused")
    expect(page.locator("#is-proof")).not_to_contain_text("no proof yet")
    expect(page.get_by_role("button", name="Prove now")).to_be_enabled()
    result.get_by_text("Each attempt").click()
    expect(result.locator("table.figures tbody tr").first).to_be_visible()


def test_a_report_is_made_read_and_downloaded(sign_in: Callable[..., Page], tmp_path: Path) -> None:
    page = sign_in("olga")
    page.goto("/compliance/")
    page.get_by_role("button", name="Make a report").click()
    made = page.locator("#report-list")
    expect(made).to_contain_text("is made and signed", timeout=60_000)
    with page.expect_download() as waiting:
        made.get_by_role("link", name=re.compile("as signed JSON")).first.click()
    waiting.value.save_as(tmp_path / "report.json")
    assert b'"signature"' in (tmp_path / "report.json").read_bytes()
    made.get_by_role("link", name=re.compile(r"^Report \d+$")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Report")
    fits(page)


def test_the_record_is_checked_filtered_and_exported(
    sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    page = sign_in("olga")
    page.goto("/compliance/record")
    page.get_by_role("button", name="Check that it is intact").click()
    expect(page.locator("#verdict")).to_contain_text("intact up to entry", timeout=60_000)
    page.get_by_label("Who", exact=True).fill("olga@example.com")
    page.get_by_role("button", name="Filter").click()
    cells = page.locator("table.record tbody td:nth-child(3)")
    expect(cells.first).to_have_text("olga@example.com")
    # What she did last stands first without the filter, too.
    expect(cells.filter(has_not_text="olga@example.com")).to_have_count(0)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export what is filtered").click()
    waiting.value.save_as(tmp_path / "record.jsonl")
    assert (tmp_path / "record.jsonl").read_text().count("\n") > 0
    page.locator("table.record tbody a").first.click()
    expect(page.get_by_role("heading", name="What was noted")).to_be_visible()


def test_why_somebody_can_read(sign_in: Callable[..., Page]) -> None:
    page = sign_in("olga")
    page.goto("/compliance/access")
    why = page.get_by_role("region", name="Why can this person read it?")
    why.get_by_label("Person").fill("bob@example.com")
    why.get_by_label("Document or collection").fill("Sample handbook")
    page.keyboard.press("Enter")
    answer = page.locator(".answer-box")
    expect(answer).to_contain_text("bob@example.com can read “Sample handbook”")
    expect(answer).to_contain_text("Reader")


def test_everything_is_reached_by_keyboard(sign_in: Callable[..., Page]) -> None:
    page = sign_in("olga")
    page.goto("/compliance/")
    page.get_by_role("button", name="Prove now").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#proof-result")).to_contain_text("just now", timeout=60_000)


def test_on_paper_there_are_sentences_and_no_buttons(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path]
) -> None:
    page = sign_in("olga")
    page.goto("/compliance/")
    page.emulate_media(media="print")
    expect(page.locator(".sentences > li").first).to_be_visible()
    for hidden in (".masthead", ".sections", "#prove form", ".colophon"):
        expect(page.locator(hidden)).to_be_hidden()
    picture(page, "compliance-print")


def test_others_have_no_way_in(sign_in: Callable[..., Page], watch: Watch) -> None:
    page = sign_in("dana")
    watch.allowed.append("403")
    expect(page.get_by_role("link", name="Compliance")).to_have_count(0)
    answer = page.goto("/compliance/")
    assert answer is not None and answer.status == 403
