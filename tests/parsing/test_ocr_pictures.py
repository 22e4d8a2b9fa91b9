"""PNG, JPEG, TIFF: what is refused before it is decoded, and what is read."""

import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ingest.parsers.base import Limits, Recognition
from ingest.parsers.image import ImageParser
from ingest.parsers.registry import PNG, TIFF
from ingest.parsers.sandbox import recognise_isolated
from tests.parsing import files, scans
from tests.parsing.test_ocr import HOW, strip

TEXT = " ".join(scans.ENGLISH[:2])


@pytest.fixture(scope="module")
def paper() -> Image.Image:
    return strip(*scans.ENGLISH[:2])


def read(path: Path, how: Recognition = HOW) -> str:
    return ImageParser().recognise(path, Limits(), how).text


def png(path: Path, width: int, height: int) -> Path:
    """A file of a few bytes that declares this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
    return path


def test_bombs_and_broken_files_have_codes(tmp_path: Path, paper: Image.Image) -> None:
    for side in (30_000, 60_000):
        assert files.code_of(files.parse, png(tmp_path / "a.png", side, side), PNG) == (
            "picture-too-large"
        )
    for suffix in ("png", "jpg", "tiff"):
        path = tmp_path / f"b.{suffix}"
        paper.save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert files.code_of(files.parse, path, PNG) == "damaged"
    assert files.code_of(files.parse, png(tmp_path / "c.png", 500, 500), PNG) == "damaged"


def test_frames_of_a_tiff_are_pages(tmp_path: Path, paper: Image.Image) -> None:
    path = tmp_path / "a.tiff"
    empty = Image.new("1", paper.size, 1)
    paper.save(path, save_all=True, append_images=[empty, paper.convert("1")])
    parsed = files.isolated(path, TIFF)
    assert parsed.pages == 3 and parsed.blank == (1, 2, 3)
    how = replace(HOW, pages=(2, 3))
    document = recognise_isolated(path, TIFF, Limits(), how, wall_seconds=120, memory_mb=1024)
    assert document.text == TEXT and document.blank == (2,)
    assert {block.page for block in document.blocks} == {3}
    assert files.code_of(ImageParser().parse, path, Limits(max_pages=2)) == "too-many-pages"


@pytest.mark.parametrize(
    "mode",
    ["RGBA", *(pytest.param(mode, marks=pytest.mark.long) for mode in ("1", "P", "I;16", "CMYK"))],
)
def test_modes(tmp_path: Path, paper: Image.Image, mode: str) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    if mode == "RGBA":
        ink = Image.new("RGBA", paper.size, (0, 0, 0, 255))
        ink.putalpha(paper.point(lambda value: 255 - value))
        made = ink
    elif mode == "I;16":
        made = paper.convert("I").point(lambda value: value * 9 + 300).convert("I;16")
    else:
        made = paper.convert("RGB").convert(mode)
    made.save(path)
    assert read(path) == TEXT


def test_it_is_shown_as_exif_says_and_boxes_are_in_its_pixels(
    tmp_path: Path, paper: Image.Image
) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x013B] = "A. Writer"
    exif[0x0132] = "2024:05:06 07:08:09"
    paper.rotate(90, expand=True).save(path, exif=exif, quality=90)
    document = ImageParser().recognise(path, Limits(), HOW)
    assert document.text == TEXT
    left, bottom, _, _ = document.blocks[0].boxes[0]
    assert left == pytest.approx(30 * 300 / 72, abs=8)
    assert bottom == pytest.approx(117.5 * 300 / 72, abs=12)
    about = ImageParser().parse(path, Limits()).metadata
    assert about == {"author": "A. Writer", "modified": "2024-05-06T07:08:09"}


def test_letters_of_a_screen_are_enlarged(tmp_path: Path, paper: Image.Image) -> None:
    path = tmp_path / "a.png"
    paper.resize((paper.width * 80 // 300, paper.height * 80 // 300), Image.Resampling.BOX).save(
        path
    )
    assert scans.recall(TEXT, read(path)) >= 0.9


def test_a_picture_without_words(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.radial_gradient("L").save(path)
    document = ImageParser().recognise(path, Limits(), HOW)
    assert document.text == "" and document.blank == (1,)


def test_the_folder_with_most_languages(tmp_path: Path, settings: object) -> None:
    from ingest import recognition

    settings.TESSDATA = str(tmp_path)  # type: ignore[attr-defined]
    settings.OCR_LANGUAGES = ("fra", "eng")  # type: ignore[attr-defined]
    assert recognition.how([1]) is None
    (tmp_path / "eng.traineddata").write_bytes(b"")
    assert recognition.state().missing == ("fra",) and not recognition.state().orientation
    found = recognition.how([2, 5])
    assert found is not None
    assert (found.pages, found.languages, found.tessdata) == ((2, 5), ("eng",), str(tmp_path))
    settings.TESSDATA = ""  # type: ignore[attr-defined]
    settings.OCR_LANGUAGES = ("eng", "deu")  # type: ignore[attr-defined]
    assert recognition.state().folder == str(Path(sys.prefix, "share", "tessdata"))
    settings.OCR = False  # type: ignore[attr-defined]
    assert recognition.how([1]) is None
