"""Slides as a PDF: which page is which, what is not on it, what is not loaded for it."""

import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pypdfium2
import pytest
from lxml import etree
from PIL import Image
from pptx.oxml.ns import qn
from pytest_django import Settings

from ingest import convert, slides
from ingest.parsers.base import ParseError
from ingest.parsers.registry import ODP, PPT, PPTX
from ingest.shelf import Flights, Shelf
from tests.ingest.test_convert import as_old, needs_office
from tests.parsing import files
from tests.parsing import slides as made

pytestmark = pytest.mark.usefixtures("settings")


def deck(path: Path) -> Path:
    """Five slides: the second hidden, the third with notes, the fourth empty."""
    show = made.deck()
    for n in range(1, 6):
        lines = [] if n == 4 else [(0, f"Line of slide number {n}")]
        slide = made.slide(show, "" if n == 4 else f"Title {n}", *lines)
        if n == 2:
            slide._element.set("show", "0")
        if n == 3:
            slide.notes_slide.notes_text_frame.text = "Spoken by heart"
    return made.saved(show, path)


def pages(path: Path, kind: str) -> list[str]:
    with (
        convert.drawn(path, kind, 60) as descriptor,
        slides.opened(slides._whole(descriptor)) as copy,
        Path(f"/proc/self/fd/{copy}").open("rb") as file,
        pypdfium2.PdfDocument(file) as document,
    ):
        return [page.get_textpage().get_text_range() for page in document]


def judged(found: list[str]) -> None:
    assert len(found) == 5
    for n, text in enumerate(found, 1):
        assert (f"Line of slide number {n}" in text) == (n != 4)
        assert "Spoken" not in text


@needs_office
def test_each_slide_is_a_page_hidden_and_empty_ones_too(tmp_path: Path) -> None:
    judged(pages(deck(tmp_path / "a.pptx"), PPTX))


@needs_office
@pytest.mark.long
@pytest.mark.parametrize(("kind", "ending"), [(PPT, "ppt"), (ODP, "odp")])
def test_of_other_kinds_too(tmp_path: Path, kind: str, ending: str) -> None:
    judged(pages(as_old(deck(tmp_path / "a.pptx"), ending), kind))


def linked(path: Path, *addresses: str) -> Path:
    """A slide whose pictures lie elsewhere."""
    show = made.deck()
    slide = made.slide(show, "Linked", (0, "Words of the slide"))
    Image.new("RGB", (8, 8), "red").save(path.with_suffix(".png"))
    for address in addresses:
        picture = slide.shapes.add_picture(str(path.with_suffix(".png")), *made.BOX)
        blip = picture._element.find(f".//{qn('a:blip')}")
        del blip.attrib[qn("r:embed")]
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
        blip.set(qn("r:link"), slide.part.relate_to(address, kind, is_external=True))
        assert b"r:link" in etree.tostring(blip)
    return made.saved(show, path)


@needs_office
def test_a_picture_that_lies_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    Image.new("RGB", (900, 900), "blue").save(tmp_path / "secret.png")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        path = linked(
            tmp_path / "a.pptx",
            f"http://127.0.0.1:{port}/a.png",
            (tmp_path / "secret.png").as_uri(),
        )
        with convert.drawn(path, PPTX, 60) as descriptor:
            pdf = slides._whole(descriptor)
        with pytest.raises(BlockingIOError):
            server.accept()
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[0].render(scale=1).to_pil().convert("RGB")
        assert "Words of the slide" in document[0].get_textpage().get_text_range()
    colours = [each for _, each in picture.getcolors(1 << 24) or ()]
    blue = [each for each in colours if isinstance(each, tuple) and each[2] > 200 > 50 > each[0]]
    assert not blue


@needs_office
def test_too_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = f"sovereign-convert-{os.getpid()}-"  # others convert at the same time
    monkeypatch.setattr(convert, "_PREFIX", prefix)

    def run() -> None:
        with convert.drawn(deck(tmp_path / "a.pptx"), PPTX, 0):
            pass

    assert files.code_of(run) == "parse-timeout"
    assert not [each for place in convert.places() for each in place.glob(f"{prefix}*")]


def test_without_libreoffice(tmp_path: Path, settings: Settings) -> None:
    settings.LIBREOFFICE = "/nowhere/soffice"

    def run() -> None:
        with convert.drawn(tmp_path / "a.pptx", PPTX, 60):
            pass

    assert files.code_of(run) == "needs-libreoffice"


def test_why_there_is_no_picture() -> None:
    codes = ["needs-libreoffice", "parse-timeout", "convert-failed", "parse-memory"]
    said = [slides._said(ParseError(code, "")).code for code in codes]
    assert said[:2] == ["slides-need-libreoffice", "slides-too-slow"]
    assert set(said[2:]) == {"slides-undrawn"}


# --- one at a time --------------------------------------------------------------------------------
def test_who_comes_second_waits_for_what_the_first_one_makes() -> None:
    flights, shelf, drawn = Flights(), Shelf(100, 60), []

    def ask() -> None:
        with flights.alone("a", 60) as taken:
            assert taken
            if shelf.get("a") is None:
                drawn.append(1)
                time.sleep(0.05)
                shelf.put("a", b"page", 4)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert drawn == [1]
    assert not flights._held


def test_others_do_not_wait_and_nobody_waits_for_ever() -> None:
    flights = Flights()
    with flights.alone("a", 60):
        with flights.alone("b", 0.01) as other:
            assert other
        taken: list[bool] = []

        def ask() -> None:
            with flights.alone("a", 0.01) as got:
                taken.append(got)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert taken == [False]
    assert not flights._held


def test_what_is_let_go_leaves_the_rest() -> None:
    shelf = Shelf(100, 60)
    for key in (("a", 1), ("a", 2), ("b", 1)):
        shelf.put(key, b"page", 10)
    shelf.drop(lambda key: isinstance(key, tuple) and key[0] == "a")
    assert [shelf.get(key) for key in (("a", 1), ("a", 2), ("b", 1))] == [None, None, b"page"]
    assert shelf._bytes == 10


@needs_office
def test_the_old_format_stays_what_it_was(tmp_path: Path) -> None:
    """The same child still makes new files of old ones."""
    shutil.copy(deck(tmp_path / "a.pptx"), tmp_path / "b.pptx")
    with convert.drawn(tmp_path / "b.pptx", PPTX, 60) as descriptor:
        assert slides._whole(descriptor).startswith(b"%PDF-")
