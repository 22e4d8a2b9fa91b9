"""Collections and documents in a real browser: drag a file in, watch it, ask it, let others in."""

import base64
import io
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect
from reportlab.pdfgen.canvas import Canvas

pytestmark = pytest.mark.browser

DROP = """([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const box = document.querySelector("[data-drop]");
  for (const kind of ["dragover", "drop"]) {
    box.dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }),
    );
  }
}"""


def pdf(*lines: str) -> bytes:
    written = io.BytesIO()
    canvas = Canvas(written)
    for number, line in enumerate(lines):
        canvas.drawString(72, 760 - 20 * number, line)
    canvas.save()
    return written.getvalue()


def text_file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": data}


def drop(page: Page, name: str, kind: str, data: bytes) -> None:
    page.evaluate(DROP, [name, kind, base64.b64encode(data).decode()])


def new_collection(page: Page, name: str) -> None:
    page.goto("/collections")
    page.get_by_role("link", name="New collection").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    # A file that is chosen before the scripts run would wait for the form to be sent.
    page.wait_for_load_state("load")


def test_a_pdf_is_dragged_in_and_asked(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    new_collection(page, "Tower")
    drop(
        page, "bells.pdf", "application/pdf", pdf("The bell tower of Morwen has ninety-one bells.")
    )
    row = page.locator("tr", has_text="bells.pdf")
    expect(row).to_be_visible()
    expect(row).to_contain_text("Ready", timeout=60_000)
    page.goto("/")
    page.get_by_label("Your question").fill("How many bells has the bell tower of Morwen?")
    page.keyboard.press("Enter")
    answer = page.locator(".answer:not([data-stream])")
    expect(answer.locator(".prose")).to_contain_text("ninety-one bells", timeout=60_000)
    expect(answer.locator(".source").first).to_contain_text("bells.pdf")


def test_refused_files_say_why_and_do_not_stop_the_others(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    new_collection(page, "Odds and ends")
    page.get_by_label("Files to add").set_input_files(
        [
            text_file("empty.txt", b""),
            text_file("<b>good.txt", b"Some good words."),
        ]
    )
    refused = page.locator(".uploads .refused")
    expect(refused).to_contain_text("empty.txt")
    expect(refused.locator(".detail")).to_contain_text(re.compile(r"\w+.*\."))
    expect(page.locator("tr", has_text="good")).to_contain_text("Ready", timeout=60_000)


def test_a_document_is_found_read_and_deleted(sign_in: Callable[..., Page]) -> None:
    page = sign_in("erin")
    page.goto("/collections")
    page.get_by_role("link", name="Sample handbook").click()
    page.wait_for_load_state("load")
    page.get_by_label("Files to add").set_input_files(
        text_file("zebra.txt", b"Zebras wear stripes.")
    )
    row = page.locator("tr", has_text="zebra.txt")
    expect(row).to_contain_text("Ready", timeout=60_000)
    page.get_by_label("Find by name").fill("zeb")
    expect(page.locator("tbody tr")).to_have_count(1)
    row.get_by_role("link", name="zebra.txt", exact=True).click()
    expect(page.locator(".text")).to_contain_text("Zebras wear stripes.")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.locator("#messages")).to_contain_text("being erased")
    expect(page.locator("tr", has_text="zebra.txt")).to_have_count(0)


def test_a_manager_lets_somebody_in_and_out(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    new_collection(page, "Shared with one")
    page.get_by_role("link", name="Settings and access").click()
    page.get_by_label("E-mail of the person").fill("charlie@example.com")
    page.get_by_role("button", name="Let in").click()
    row = page.locator("tr", has_text="charlie@example.com")
    expect(row).to_be_visible()
    charlie = sign_in("charlie")
    charlie.goto("/collections")
    expect(charlie.get_by_role("link", name="Shared with one")).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    charlie.reload()
    expect(charlie.get_by_role("link", name="Shared with one")).to_have_count(0)


def test_a_reader_sees_no_tools(sign_in: Callable[..., Page]) -> None:
    page = sign_in("bob")
    page.goto("/collections")
    page.get_by_role("link", name="Sample handbook").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator("[data-drop]")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("^Delete"))).to_have_count(0)
    expect(page.get_by_role("link", name="Settings and access")).to_have_count(0)
