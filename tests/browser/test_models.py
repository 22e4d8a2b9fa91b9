"""The models page in a real browser: a file goes up in pieces, is tried, measured and put to use."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.test_looks import LOOKS, fits, options
from tests.inference.parts import SMALL

pytestmark = pytest.mark.browser

#: Larger than one piece, so that it takes several.
PADDED = SMALL + b"\0" * 4_500_000

SignIn = Callable[..., Page]
Picture = Callable[[Page, str], Path]


def register(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name="Register a model").click()
    page.get_by_label("Or a file of your computer").set_input_files(file)
    page.get_by_label("Licence").fill("Apache-2.0")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("It is registered.")).to_be_visible(timeout=60_000)


def done(page: Page, said: str) -> None:
    expect(page.locator("#job .badge")).to_have_text("Done", timeout=60_000)
    expect(page.locator("#job")).to_contain_text(said)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_model_from_the_file_to_the_answer(
    sign_in: SignIn, picture: Picture, tmp_path: Path, size: str, theme: str
) -> None:
    page = sign_in("dana", **options(size, theme))
    name = f"contracts-{size}-{theme}"
    file = tmp_path / f"{name}.gguf"
    file.write_bytes(PADDED)
    register(page, file)
    fits(page)
    page.get_by_role("link", name="To the model").click()
    page.get_by_label("Ask it something").fill(
        "[1] A contract ends after three months.\n\nQuestion: When does a contract end?"
    )
    page.get_by_role("button", name="Ask", exact=True).click()
    done(page, "A contract ends after three months. [1]")
    fits(page)
    picture(page, f"model-tried-{size}-{theme}")
    page.get_by_role("link", name="To the model").click()
    page.get_by_role("button", name="Measure its speed").click()
    done(page, "tokens a second on this machine")
    page.get_by_role("link", name="To the model").click()
    page.locator("#activate").click()
    dialog = page.get_by_role("dialog")
    picture(page, f"model-activate-{size}-{theme}")
    dialog.get_by_role("button", name="Activate").click()
    done(page, f"Answers come from {name} now.")
    page.get_by_role("link", name="To the model").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    fits(page)
    picture(page, f"model-{size}-{theme}")
    page.get_by_role("link", name="Models", exact=True).first.click()
    expect(page.get_by_role("row", name=re.compile(name)).first).to_contain_text("Active")
    fits(page)
    picture(page, f"models-{size}-{theme}")
    page.goto("/models/add")
    fits(page)
    picture(page, f"model-add-{size}-{theme}")


def test_what_is_no_model_is_said_beside_the_field(
    sign_in: SignIn, tmp_path: Path, watch: Watch
) -> None:
    watch.allowed.append("422")
    page = sign_in("dana")
    file = tmp_path / "page.gguf"
    file.write_bytes(b"<html></html>")
    page.goto("/models/add")
    page.get_by_label("Or a file of your computer").set_input_files(file)
    page.get_by_role("button", name="Register").click()
    expect(page.locator("[data-problem]")).to_contain_text("not a GGUF file")
    expect(page.get_by_role("button", name="Register")).to_be_enabled()
