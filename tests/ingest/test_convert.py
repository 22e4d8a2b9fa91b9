"""Old Word and PowerPoint files through a real LibreOffice, in its cage."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docx
import pptx
import pytest
from pytest_django import Settings

from ingest import convert
from ingest.guard import detect_media_type
from ingest.parsers.base import ParseError
from ingest.parsers.registry import CONVERTED, DOC, DOCX, PPT, PPTX
from sovereign import installed
from tests.parsing import files
from tests.wall.test_confine import walls

ROOT = Path(convert.__file__).parent.parent
PLACES = convert.places()
needs_office = pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="NO LIBREOFFICE: apt install libreoffice-writer-nogui libreoffice-impress-nogui",
)


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    prefix = f"sovereign-convert-{os.getpid()}-"  # others convert at the same time
    monkeypatch.setattr(convert, "_PREFIX", prefix)
    yield
    for place in PLACES:
        assert not list(place.glob(f"{prefix}*"))


def as_old(new: Path, ending: str) -> Path:
    """The same in the old format: the child goes both ways."""
    folder = convert.program()
    assert folder is not None
    old = new.with_suffix(f".{ending}")
    with convert._scratch(0) as scratch:
        shutil.copy(new, scratch / new.name)
        convert._run(folder, scratch, new.name, f"out/{old.name}", None)
        shutil.copy(scratch / "out" / old.name, old)
    return old


def codes(path: Path, media_type: str) -> str:
    def run() -> None:
        with convert.converted(path, media_type):
            pass

    return files.code_of(run)


@needs_office
def test_an_old_word_file_is_read_with_its_headings_and_tables(tmp_path: Path) -> None:
    old = as_old(files.word(tmp_path / "a.docx"), "doc")
    assert detect_media_type(old, "a.docx") == DOC
    with convert.converted(old, DOC) as descriptor:
        assert detect_media_type(Path(f"/proc/self/fd/{descriptor}"), "") == CONVERTED[DOC] == DOCX
        parsed = files.isolated(descriptor, DOCX)
    assert [b.text for b in parsed.blocks if b.kind == "heading"] == ["Travel", "Hotels"]
    (table,) = (b for b in parsed.blocks if b.kind == "table")
    assert table.rows == (("City", "Rate"), ("Bern", "150"), ("Lyon", "120"))


@needs_office
@pytest.mark.long
def test_old_slides_from_a_descriptor_without_a_name(tmp_path: Path) -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Fire drill"
    slide.placeholders[1].text = "Twice a year, at noon."
    show.save(str(tmp_path / "a.pptx"))
    data = as_old(tmp_path / "a.pptx", "ppt").read_bytes()
    source = os.memfd_create("original")
    with os.fdopen(source, "r+b") as file:
        file.write(data)
        file.flush()
        assert detect_media_type(Path(f"/proc/self/fd/{source}"), "x") == PPT
        with convert.converted(source, PPT) as descriptor:
            text = files.isolated(descriptor, PPTX).text
        assert file.tell() == len(data)
    assert "Fire drill" in text
    assert "Twice a year, at noon." in text


@needs_office
def test_what_it_cannot_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_bytes(b"PK\x03\x04")
    assert codes(tmp_path / "a.doc", DOC) == "convert-failed"


@needs_office
def test_too_slow(tmp_path: Path, settings: Settings) -> None:
    settings.CONVERT_SECONDS = 0
    assert codes(files.word(tmp_path / "a.docx"), DOC) == "parse-timeout"


@needs_office
def test_too_little_memory_is_not_the_documents_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "MEMORY_MB", 160)
    assert codes(files.word(tmp_path / "a.docx"), DOC) == "needs-libreoffice"


class Stop(Exception):
    """What a check raises to end the work."""


@needs_office
def test_it_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "_CHECK_SECONDS", 0.0)

    def check() -> None:
        raise Stop

    with (
        pytest.raises(Stop),
        convert.converted(files.word(tmp_path / "a.docx"), DOC, check),
    ):
        pass


def test_without_libreoffice(tmp_path: Path, settings: Settings) -> None:
    settings.LIBREOFFICE = "/nowhere/soffice"
    assert convert.program() is None
    assert codes(tmp_path / "a.doc", DOC) == "needs-libreoffice"


def test_a_program_that_is_no_libreoffice(settings: Settings) -> None:
    settings.LIBREOFFICE = sys.executable
    assert convert.program() is None


def test_what_comes_out_must_be_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for make in (
        lambda path: path.symlink_to(tmp_path / "secret"),
        lambda path: os.mkfifo(path),
        lambda path: path.mkdir(),
        lambda path: path.touch(),
        lambda path: None,
    ):
        place = tmp_path / "out"
        make(place)

        def take(place: Path = place) -> None:
            with convert._taken(place):
                pass

        assert files.code_of(take) == "convert-failed"
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)


def test_what_killed_workers_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "places", lambda: [tmp_path, tmp_path])
    old, new = tmp_path / f"{convert._PREFIX}old", tmp_path / f"{convert._PREFIX}new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (1, 1))
    later = time.time() + 60  # not two seconds old, however busy the machine is
    os.utime(new, (later, later))
    convert.remove_leftovers()
    assert not old.exists()
    assert new.exists()


_ATTEMPTS = """
import json, os, pathlib, socket, sys
sys.path.insert(0, sys.argv[1])
from wall import confine
confine.apply("converter", read=[pathlib.Path(p) for p in sys.path], write=[pathlib.Path(sys.argv[2])])
ways = {
    "read": lambda: open("/etc/passwd"),
    "write": lambda: open(sys.argv[3] + "/x", "w"),
    "write-tmp": lambda: open("/dev/shm/x-converter", "w"),
    "inet": lambda: socket.socket(),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "leave": lambda: os.setsid(),
    "own": lambda: open(sys.argv[2] + "/x", "w"),
}
said = {}
for name, way in ways.items():
    try: way()
    except OSError as error: said[name] = error.errno
    else: said[name] = 0
print(json.dumps(said))
"""


@walls
def test_the_cage_has_no_way_out(tmp_path: Path) -> None:
    for name in ("scratch", "other"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ATTEMPTS, str(ROOT), f"{tmp_path}/scratch", f"{tmp_path}/other"],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert said.pop("own") == 0
    assert set(said.values()) <= {1, 13}, said


@needs_office
@walls
@pytest.mark.long
def test_a_link_to_another_file_brings_nothing(tmp_path: Path) -> None:
    """A field that includes a file of this machine, as Word has it, asked to be brought up to date."""
    (tmp_path / "secret.txt").write_text("The vault code is 7261.")
    document = docx.Document()
    paragraph = document.add_paragraph("Before the field. ")._p
    for kind in ("begin", "text", "separate", "end"):
        run = docx.oxml.OxmlElement("w:r")
        if kind == "text":
            inner = docx.oxml.OxmlElement("w:instrText")
            inner.text = f' INCLUDETEXT "{tmp_path / "secret.txt"}" '
        else:
            inner = docx.oxml.OxmlElement("w:fldChar")
            inner.set(docx.oxml.ns.qn("w:fldCharType"), kind)
            inner.set(docx.oxml.ns.qn("w:dirty"), "true")
        run.append(inner)
        paragraph.append(run)
    document.save(str(tmp_path / "a.docx"))
    with convert.converted(as_old(tmp_path / "a.docx", "doc"), DOC) as descriptor:
        text = files.isolated(descriptor, DOCX).text
    assert "Before the field" in text
    assert "7261" not in text


@needs_office
@pytest.mark.handbook
def test_old_files_that_broke_other_readers_end_with_a_fitting_code() -> None:
    """Those with passwords too, which the guard refuses before: LibreOffice must not wait for one."""
    folder = os.environ.get("SOVEREIGN_TEST_HANDBOOK", "")
    if not folder:
        pytest.skip("SOVEREIGN_TEST_HANDBOOK IS NOT SET: the real documents were not read")
    outcomes: dict[str, str] = {}
    for path in sorted(Path(folder, "bad").rglob("*")):
        kind = {".doc": DOC, ".ppt": PPT}.get(path.suffix)
        if kind is None:
            continue
        try:
            with convert.converted(path, kind) as descriptor:
                outcomes[path.name] = "read"
                files.isolated(descriptor, CONVERTED[kind])
        except ParseError as error:
            outcomes[path.name] = error.code
    assert len(outcomes) == 17
    assert set(outcomes.values()) == {"read", "convert-failed", "no-text"}
    assert outcomes["testPPT_protected_passtika.ppt"] == "convert-failed"
    assert outcomes["testPPT_embedded2.ppt"] == "read"


def test_the_doctor_says_where_it_is(settings: Settings) -> None:
    settings.LIBREOFFICE = "/nowhere/soffice"
    missing = installed.libreoffice()
    assert (missing.ok, missing.needed) == (False, False)
    assert "libreoffice-writer-nogui" in missing.advice
    settings.LIBREOFFICE = ""
    assert installed.libreoffice().ok, "not there, and nobody asked for it, is right, too"
