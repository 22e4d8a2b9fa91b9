"""A conversation is shared with a colleague, who reads it and opens its sources, until it is taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.test_looks import ANSWERED, LOOKS, fits, options

pytestmark = pytest.mark.browser

QUESTION = "How many days of annual leave do full-time employees have?"


def to_share(owner: Page, collection: str, question: str) -> None:
    """The page that shares an answer from one collection: other tests of this run gave its owner more,
    which the colleague may not read."""
    owner.goto("/")
    owner.get_by_text("All collections").click()
    for label in owner.locator("[data-scope] label.check").filter(has_not_text=collection).all():
        label.get_by_role("checkbox").uncheck()
    owner.get_by_label("Your question").fill(question)
    owner.keyboard.press("Enter")
    expect(owner.locator(ANSWERED).last).to_be_visible(timeout=60_000)
    owner.get_by_role("link", name="Share", exact=True).last.click()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_colleague_reads_what_is_shared_until_it_is_taken_back(
    sign_in: Callable[..., Page],
    picture: Callable[[Page, str], Path],
    watch: Watch,
    size: str,
    theme: str,
) -> None:
    watch.allowed.append("404")
    owner = sign_in("alice", **options(size, theme))
    to_share(owner, "Sample handbook", QUESTION)
    expect(owner.get_by_role("heading", level=1)).to_have_text("Share inside the company")
    fits(owner)
    picture(owner, f"share-{size}-{theme}")
    owner.get_by_label("E-mail").fill("bob@example.com")
    owner.get_by_role("button", name="Share").click()
    expect(owner.get_by_role("heading", level=1)).to_contain_text("With whom")
    expect(owner.get_by_role("main")).to_contain_text("Bob")
    fits(owner)
    picture(owner, f"share-made-{size}-{theme}")

    reader = sign_in("bob", **options(size, theme))
    reader.goto("/shared/")
    fits(reader)
    picture(reader, f"share-list-{size}-{theme}")
    reader.get_by_role("link", name=QUESTION).first.click()
    expect(reader.get_by_role("main")).to_contain_text("28 days")
    expect(reader.get_by_label("Your question")).to_have_count(0)
    fits(reader)
    picture(reader, f"share-read-{size}-{theme}")
    address = reader.url
    reader.locator(".prose a.cite").first.click()
    expect(reader.locator("#viewer mark").first).to_be_visible()
    fits(reader)
    picture(reader, f"share-source-{size}-{theme}")

    owner.get_by_role("link", name="Share no longer").or_(
        owner.get_by_role("button", name="Share no longer")
    ).first.click()
    owner.get_by_role("button", name="Share no longer").last.click()
    expect(owner.locator("#messages")).to_contain_text("shared no longer")
    assert reader.goto(address).status == 404  # type: ignore[union-attr]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_who_shares_is_told_what_the_colleague_may_not_read(
    sign_in: Callable[..., Page],
    picture: Callable[[Page, str], Path],
    size: str,
    theme: str,
) -> None:
    owner = sign_in("alice", **options(size, theme))
    to_share(owner, "Poems", "How does the ballad of the lighthouse go?")
    owner.get_by_label("E-mail").fill("bob@example.com")
    owner.get_by_role("button", name="Share").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text("Not everything can be seen")
    expect(owner.get_by_role("main")).to_contain_text("ballad.txt")
    fits(owner)
    picture(owner, f"share-lacking-{size}-{theme}")
