"""An assistant is set up from a template, tried, shared, and asked by a colleague."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_looks import ANSWERED, LOOKS, fits, options

pytestmark = pytest.mark.browser

QUESTION = "How many days of annual leave do full-time employees have?"


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_an_assistant_is_tried_shared_and_asked(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], size: str, theme: str
) -> None:
    name = f"Leave law {size} {theme}"
    owner = sign_in("alice", **options(size, theme))

    def seen(page: Page, what: str) -> None:
        fits(page)
        picture(page, f"assistant-{what}-{size}-{theme}")

    owner.goto("/assistants/new")
    owner.get_by_role("link", name="Legal", exact=True).click()
    owner.get_by_label("Name").fill(name)
    owner.get_by_label("Sample handbook").check()
    seen(owner, "form")
    owner.get_by_label("Your question").fill(QUESTION)
    owner.get_by_label("Your question").press("Enter")
    answer = owner.locator("#thread .answer:not([data-private])")
    expect(answer).to_contain_text("28 days", timeout=60_000)
    expect(answer).to_contain_text("Not kept")
    seen(owner, "tried")
    answer.locator("a.cite").first.click()
    expect(owner.locator("#viewer mark").first).to_be_visible()
    owner.keyboard.press("Escape")
    expect(owner.get_by_label("Name")).to_have_value(name)
    owner.get_by_role("button", name="Create").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text(name)
    seen(owner, "made")

    owner.get_by_role("link", name="Share", exact=True).click()
    seen(owner, "alone")
    owner.get_by_label("E-mail of the person").fill("bob@example.com")
    owner.get_by_role("button", name="Let in").click()
    expect(owner.get_by_role("table")).to_contain_text("Bob")
    seen(owner, "shared")

    reader = sign_in("bob", **options(size, theme))
    reader.goto("/assistants/")
    seen(reader, "list")
    reader.get_by_role("link", name=name).click()
    expect(reader.get_by_role("main")).to_contain_text("Quote the clause that decides")
    expect(reader.get_by_role("link", name="Change", exact=True)).to_have_count(0)
    reader.get_by_role("link", name="Ask it").click()
    expect(reader.get_by_label("Assistant")).to_have_value(reader.url.split("assistant=")[1])
    seen(reader, "welcome")
    reader.get_by_label("Your question").fill(QUESTION)
    reader.keyboard.press("Enter")
    expect(reader.locator(ANSWERED).last).to_contain_text(f"{name} · demo", timeout=60_000)
    expect(reader.get_by_role("link", name=f"With {name}")).to_be_visible()
    seen(reader, "answered")

    owner.goto("/assistants/")
    owner.get_by_role("link", name=name).click()
    owner.get_by_role("button", name="Archive").click()
    expect(owner.locator("#messages")).to_contain_text("archived")
    reader.reload()
    expect(reader.get_by_role("main")).to_contain_text("not open to you any more")
    seen(reader, "archived")
