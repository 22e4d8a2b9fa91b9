"""Whole folders in a real browser: dropped, chosen, paused, stopped, refused, interrupted."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.test_documents import new_collection, text_file
from tests.browser.test_looks import LOOKS, fits, options

pytestmark = pytest.mark.browser

SUM = "[data-sum]"
#: In a folder that people drag in, and nothing that they mean to add.
SYSTEM = [".DS_Store", "Thumbs.db", "~$letter.docx", ".hidden/secret.txt", "__MACOSX/a.txt"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve texts in folders, an empty folder, and what systems leave behind."""
    top = tmp_path / "Company"
    for number in range(12):
        place = top / ("people" if number % 2 else "people/rules") / f"rule-{number:02}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"Rule {number} of the harbour says that boats have names.")
    (top / "empty" / "deeper").mkdir(parents=True)
    for name in SYSTEM:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("Nobody means this.")
    return top


def drop(page: Page, *paths: Path) -> None:
    """A real drag and drop of files of this machine, as the browser itself tells it to the page."""
    box = page.locator("[data-drop]").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + 40, "y": box["y"] + 40, "data": data}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at})


class Gate:
    """Keeps uploads on their way until they are let go."""

    def __init__(self, page: Page) -> None:
        self.held: list[Route] = []
        self.open = False
        page.route("**/upload", self._came)

    def _came(self, route: Route) -> None:
        if self.open:
            route.continue_()
        else:
            self.held.append(route)

    def let_go(self) -> None:
        """Those that are held; later ones are held again, unless it is `open`."""
        held, self.held = self.held, []
        for route in held:
            route.continue_()


def test_a_folder_is_dropped_with_all_that_is_in_it(
    sign_in: Callable[..., Page], folder: Path
) -> None:
    page = sign_in("alice")
    new_collection(page, "Harbour")
    drop(page, folder)
    expect(page.locator(SUM)).to_contain_text("Files: 12 of 12")
    expect(page.locator(SUM)).to_contain_text("taken: 12")
    # Two of the five lie in folders that are not looked into.
    expect(page.locator(SUM)).to_contain_text("hidden and system files left out: 5")
    expect(page.locator("tbody tr")).to_have_count(12, timeout=60_000)
    expect(page.locator("tr", has_text="rule-01.txt")).to_contain_text("Company/people")
    page.locator("tr", has_text="rule-02.txt").get_by_role(
        "link", name="Company/people/rules"
    ).click()
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator("#documents")).to_contain_text("Folder Company/people/rules")


def test_a_folder_is_chosen(sign_in: Callable[..., Page], folder: Path) -> None:
    page = sign_in("alice")
    new_collection(page, "Chosen")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(folder)
    expect(page.locator(SUM)).to_contain_text("taken: 12")
    expect(page.locator("[data-said]")).to_contain_text(
        "Upload finished. Files: 12 of 12. taken: 12"
    )
    drop(page, folder)
    expect(page.locator(SUM)).to_contain_text("already there: 12")


def test_an_upload_is_paused_and_stopped(
    sign_in: Callable[..., Page], folder: Path, picture: Callable[[Page, str], Path]
) -> None:
    page = sign_in("alice")
    new_collection(page, "Stopped")
    gate = Gate(page)
    drop(page, folder)
    expect(page.locator(".uploads .sending")).to_have_count(2)
    expect(page.locator(".uploads li")).to_have_count(12)
    picture(page, "upload-running")
    page.get_by_role("button", name="Pause").click()
    gate.let_go()
    expect(page.locator(SUM)).to_contain_text("taken: 2")
    expect(page.locator(SUM)).to_contain_text("Paused")
    assert gate.held == []
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".uploads .sending")).to_have_count(2)
    page.get_by_role("button", name="Stop", exact=True).first.click()
    expect(page.locator(SUM)).to_contain_text("not sent: 10")
    expect(page.locator(SUM)).to_contain_text("Stopped")
    expect(page.locator("tbody tr")).to_have_count(2, timeout=60_000)


def test_what_the_network_broke_is_sent_again(
    sign_in: Callable[..., Page], folder: Path, watch: Watch, picture: Callable[[Page, str], Path]
) -> None:
    watch.allowed += ["net::ERR_FAILED"]
    page = sign_in("alice")
    new_collection(page, "Broken")
    page.route("**/upload", lambda route: route.abort())
    drop(page, folder)
    expect(page.locator(SUM)).to_contain_text("The connection was interrupted.")
    expect(page.locator(".uploads .broken")).to_have_count(4)
    picture(page, "upload-broken")
    page.unroute("**/upload")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(SUM)).to_contain_text("taken: 12")
    expect(page.locator(".uploads .broken")).to_have_count(0)


def test_one_file_is_sent_again(sign_in: Callable[..., Page], watch: Watch) -> None:
    watch.allowed += ["net::ERR_FAILED"]
    page = sign_in("alice")
    new_collection(page, "One broken")
    page.route("**/upload", lambda route: route.abort())
    page.get_by_label("Files to add").set_input_files(text_file("once.txt", b"Some words."))
    row = page.locator(".uploads .broken")
    expect(row).to_contain_text("once.txt")
    page.unroute("**/upload")
    row.get_by_role("button", name="Try again").click()
    expect(page.locator("tr", has_text="once.txt")).to_contain_text("Ready", timeout=60_000)


def test_a_file_that_is_too_large_is_not_sent(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    new_collection(page, "Too large")
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url) if "/upload" in request.url else None
    )
    page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          const file = new File(["small"], "huge.pdf");
          Object.defineProperty(file, "size", { value: 201_000_000 });
          transfer.items.add(file);
          const event = new DragEvent("drop", { bubbles: true, cancelable: true });
          Object.defineProperty(event, "dataTransfer", {
            value: { types: ["Files"], items: [], files: [file] },
          });
          document.querySelector("[data-drop]").dispatchEvent(event);
        }"""
    )
    refused = page.locator(".uploads .refused")
    expect(refused).to_contain_text("huge.pdf")
    expect(refused).to_contain_text("Larger than 200 MB.")
    assert not [url for url in sent if "/upload" in url and "static" not in url]


def test_thousands_of_files_do_not_fill_the_page(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    new_collection(page, "Thousands")
    Gate(page)
    page.evaluate(
        """() => {
          const files = Array.from({ length: 5000 }, (_, n) => new File(["x"], `file-${n}.txt`));
          const event = new DragEvent("drop", { bubbles: true, cancelable: true });
          Object.defineProperty(event, "dataTransfer", {
            value: { types: ["Files"], items: [], files },
          });
          document.querySelector("[data-drop]").dispatchEvent(event);
        }"""
    )
    expect(page.locator(SUM)).to_contain_text("Files: 0 of 5,000")
    assert page.locator(".uploads li").count() <= 100
    expect(page.locator("[data-more]")).to_contain_text(re.compile(r"More that wait: 4,9\d\d\."))
    page.get_by_role("button", name="Stop", exact=True).first.click()
    expect(page.locator(SUM)).to_contain_text("not sent: 5,000")
    expect(page.locator(".uploads li")).to_have_count(0)


def test_leaving_in_the_middle_of_an_upload_is_asked_about(
    sign_in: Callable[..., Page], folder: Path
) -> None:
    page = sign_in("alice")
    new_collection(page, "Leaving")
    Gate(page)
    page.get_by_role("heading", name="Leaving").click()
    drop(page, folder)
    expect(page.locator(".uploads .sending")).to_have_count(2)
    asked: list[str] = []

    def answer(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", answer)
    page.goto("/collections")
    assert asked == ["beforeunload"]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_an_upload_fits(
    sign_in: Callable[..., Page],
    picture: Callable[[Page, str], Path],
    folder: Path,
    size: str,
    theme: str,
) -> None:
    page = sign_in("alice", **options(size, theme))
    new_collection(page, f"Looks {size} {theme}")
    (folder / "people" / ("a very long name of a file " * 6 + ".txt")).write_text("")
    (folder / "people" / "empty.txt").write_text("")
    gate = Gate(page)
    drop(page, folder)
    expect(page.locator(".uploads .sending")).to_have_count(2)
    gate.let_go()
    expect(page.locator(SUM)).to_contain_text(re.compile(r"of 14"))
    expect(page.locator(".uploads .sending")).to_have_count(2)
    fits(page)
    picture(page, f"upload-{size}-{theme}")
    gate.open = True
    gate.let_go()
    expect(page.locator(SUM)).to_contain_text("not taken: 2", timeout=60_000)
    fits(page)
    picture(page, f"uploaded-{size}-{theme}")


def test_without_scripts_files_are_added_all_the_same(
    open_context: Callable[..., BrowserContext],
    sessions: dict[str, Any],
    sign_in: Callable[..., Page],
) -> None:
    new_collection(sign_in("alice"), "Without scripts")
    page = open_context(storage_state=sessions["alice"], java_script_enabled=False).new_page()
    page.goto("/collections")
    page.get_by_role("link", name="Without scripts").click()
    page.get_by_label("Files to add").set_input_files(
        [text_file("plain.txt", b"Some plain words."), text_file("none.txt", b"")]
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#messages")).to_contain_text("1 file was taken.")
    expect(page.locator("#messages")).to_contain_text("none.txt:")
    expect(page.get_by_role("button", name="Choose a folder")).to_be_hidden()


def test_the_keyboard_reaches_everything(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], Path], folder: Path
) -> None:
    page = sign_in("alice")
    new_collection(page, "Keyboard")
    page.get_by_role("link", name="Settings and access").focus()
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert reached[:2] == ["Choose files", "Choose a folder"]
    assert "Which files are read" in reached[2]
    page.keyboard.press("Enter")
    expect(page.locator(".kinds")).to_contain_text("Excel (XLSX)")
    picture(page, "upload-focus")
