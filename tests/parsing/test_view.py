"""Pages as pictures, and words on them: where they stand, however the page is turned, cut or broken."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers import letters
from ingest.parsers.base import Limits
from ingest.parsers.letters import Words
from ingest.parsers.registry import PDF, PNG, TIFF
from ingest.parsers.sandbox import Bounds
from ingest.parsers.view import Look, answer
from ingest.parsers.viewing import Looked, look_isolated, unpack
from tests.parsing import files

BOUNDS = Bounds(cpu_seconds=20, wall_seconds=60, memory_mb=1024)
LEAVE = "thirty days of annual leave"


def look(path: Path, kind: str = PDF, *pages: int, said: str = LEAVE, **more: object) -> Looked:
    """In this process, over the wire of the child, whose start takes longer than most of these."""
    asked = Look(pages or (1,), (said, "", ""), **more)  # type: ignore[arg-type]
    told = json.loads(json.dumps(asdict(asked)))
    return unpack(answer(path, Limits(), kind, told), asked)


def test_the_child_draws_and_finds(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", pages=2)
    asked = Look((2,), (LEAVE, "", ""), width=300)
    seen = look_isolated(path, PDF, asked, Limits(), BOUNDS)
    assert seen.page == 2 and size_of(seen)[0] in (300, 301) and len(seen.boxes[2]) == 1
    broken = path.with_name("b.pdf")
    broken.write_bytes(path.read_bytes()[:300])
    assert files.code_of(look_isolated, broken, PDF, asked, Limits(), BOUNDS) == "damaged"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no json\n",
        b'{"page":7,"boxes":{},"sizes":{},"picture":[1,1]}\nabc',
        b'{"page":1,"boxes":{"1":[[0,0,2,1]]},"sizes":{},"picture":[1,1]}\nabc',
        b'{"page":1,"boxes":{},"sizes":{"1":[-1,NaN]},"picture":[1,1]}\nabc',
        b'{"page":1,"boxes":{},"sizes":{},"picture":[9000,9000]}\nabc',
        b'{"page":1,"boxes":{},"sizes":{},"picture":[1,1]}\n<script>alert(1)</script>',
    ],
)
def test_a_child_that_lies_is_not_believed(said: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        unpack(said, Look((1,), width=10))


def found(text: str, said: str, before: str = "", after: str = "") -> list[str]:
    within = letters.letters(text)
    return [text[a:b] for a, b in letters.find(Words(said, before, after), within)]


# --- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("an-\nnual leave", "annual leave"),
        ("the \ufb01nal o\ufb03ce", "final office"),
        ("Pru\u0308fung", "Prüfung"),
        ("\u2022  Thirty\r\n  DAYS", "- thirty days"),
        ("５０ km", "50 km"),
    ],
)
def test_spaces_hyphens_ligatures_and_marks_make_no_difference(text: str, said: str) -> None:
    assert found(f"before {text} behind", said) != []


def test_of_equal_places_the_one_with_its_neighbours_is_taken() -> None:
    text = "Rail: 50 euros a day. Road: 50 euros a day. Sea: 50 euros a day."
    within = letters.letters(text)
    (span,) = letters.find(Words("50 euros", "Road: ", " a day. Sea"), within)
    assert span[0] == text.index("50", 12)


def test_the_full_stop_and_the_bracket_belong_to_the_words() -> None:
    assert found("see (thirty days.) here", "(thirty days.)") == ["(thirty days.)"]
    assert found("see thirty days, here", "thirty days.") == ["thirty days"]
    assert found("thirty days", "\u201cthirty days\u201d.") == ["thirty days"]


def test_words_that_a_page_end_parts_are_found_in_pieces() -> None:
    text = "Employees receive thirty Page 3 of 9 Handbook days of annual leave"
    assert found(text, "Employees receive thirty days of annual leave") == [
        "Employees receive thirty",
        "days of annual leave",
    ]


def test_words_that_are_not_there_are_not_found() -> None:
    assert (
        found("The meal allowance is 45 euros.", "Dismissal needs the consent of the board") == []
    )
    assert found("Anything at all", "\u2014 !") == []


# --- places -------------------------------------------------------------------------------------
def near(box: tuple[float, ...], left: float, top: float, right: float, bottom: float) -> None:
    assert box == pytest.approx((left, top, right, bottom), abs=0.012)


def placed(path: Path, x: float, y: float, text: str, size: tuple[float, float] = A4) -> Path:
    canvas = Canvas(str(path), pagesize=size)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(x, y, text)
    canvas.save()
    return path


def changed(path: Path, *, turn: int = 0, crop: tuple[float, ...] = ()) -> Path:
    writer = PdfWriter(clone_from=PdfReader(path))
    if turn:
        writer.pages[0].rotate(turn)
    if crop:
        writer.pages[0].cropbox = RectangleObject(crop)
    writer.write(path)
    return path


def test_words_are_marked_where_they_stand(tmp_path: Path) -> None:
    seen = look(placed(tmp_path / "a.pdf", 100, 700, f"We have {LEAVE} here."))
    (box,) = seen.boxes[1]
    width, height = A4
    near(box, 147 / width, 1 - 712 / height, 291 / width, 1 - 697 / height)
    assert seen.sizes[1] == pytest.approx(A4, abs=0.1) and seen.picture == b""


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_of_a_turned_page_too(tmp_path: Path, turn: int) -> None:
    seen = look(changed(placed(tmp_path / "a.pdf", 100, 700, LEAVE), turn=turn))
    (box,) = seen.boxes[1]
    width, height = A4
    x0, y0, x1, y1 = 100 / width, 1 - 712 / height, 242 / width, 1 - 697 / height
    near(
        box,
        *{
            90: (1 - y1, x0, 1 - y0, x1),
            180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
            270: (y0, 1 - x1, y1, 1 - x0),
        }[turn],
    )


def test_of_a_page_that_is_cut_out_of_a_larger_one(tmp_path: Path) -> None:
    path = changed(placed(tmp_path / "a.pdf", 100, 700, LEAVE), crop=(50, 600, 350, 800))
    (box,) = look(path).boxes[1]
    near(box, 50 / 300, 88 / 200, 192 / 300, 103 / 200)


def test_what_is_cut_off_is_not_marked(tmp_path: Path) -> None:
    path = changed(placed(tmp_path / "a.pdf", 100, 700, LEAVE), crop=(50, 100, 350, 300))
    assert look(path).boxes == {}


def test_the_page_with_the_words_is_shown(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", pages=3)
    seen = look(path, PDF, 1, 2, 3, said="Chapter 2: Leave", width=300)
    assert seen.page == 2 and list(seen.boxes) == [2]
    assert look(path, PDF, 2, 3, said="Not said anywhere at all").page == 2


def test_words_over_a_page_end_are_marked_on_both(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", pages=2)
    said = f"{files.BODY[1]} Chapter 2: Leave {files.BODY[0]}"
    seen = look(path, PDF, 1, 2, said=said)
    assert seen.page == 1 and set(seen.boxes) == {1, 2}


def test_words_of_one_line_make_one_box_and_of_two_lines_two(tmp_path: Path) -> None:
    assert len(look(files.pdf(tmp_path / "a.pdf"), said=" ".join(files.BODY)).boxes[1]) == 2


# --- pictures -----------------------------------------------------------------------------------
def size_of(seen: Looked) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(seen.picture))
    assert picture.format == "WEBP"
    return picture.size


def test_a_page_is_drawn_as_wide_as_asked(tmp_path: Path) -> None:
    width, height = size_of(look(files.pdf(tmp_path / "a.pdf"), width=400))
    assert width in (400, 401) and height == pytest.approx(400 * A4[1] / A4[0], abs=2)


def test_a_huge_page_keeps_within_the_bound(tmp_path: Path) -> None:
    path = placed(tmp_path / "a.pdf", 100, 700, LEAVE, (14_400, 14_400))
    width, height = size_of(look(path, width=4_000, pixels=500_000))
    assert width * height <= 510_000
    path = placed(tmp_path / "b.pdf", 1, 700, LEAVE, (20, 14_400))
    width, height = size_of(look(path, width=1_000, pixels=500_000))
    assert width * height <= 510_000


def test_pages_that_are_not_there(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf")
    assert files.code_of(look, path, PDF, 7) == "page-missing"
    Image.new("L", (40, 30), 255).save(tmp_path / "a.png")
    assert files.code_of(look, tmp_path / "a.png", PNG, 2) == "page-missing"


def test_what_is_broken_is_said_so(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf")
    (tmp_path / "b.pdf").write_bytes(path.read_bytes()[:300])
    assert files.code_of(look, tmp_path / "b.pdf") == "damaged"
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert files.code_of(look, tmp_path / "c.png", PNG) == "damaged"


def test_a_picture_is_shown_in_colour_with_what_was_recognised(tmp_path: Path) -> None:
    Image.new("RGBA", (800, 400), (250, 10, 10, 255)).save(tmp_path / "a.png")
    seen = look(tmp_path / "a.png", PNG, seen=((1, (80.0, 100.0, 400.0, 200.0)),), width=200)
    near(seen.boxes[1][0], 0.1, 0.5, 0.5, 0.75)
    picture = Image.open(io.BytesIO(seen.picture)).convert("RGB")
    red, green, _ = picture.getpixel((5, 5))  # type: ignore[misc]
    assert picture.size == (200, 100) and red > 200 > green


def test_the_frame_of_a_fax_that_was_asked_for(tmp_path: Path) -> None:
    frames = [Image.new("L", (100 * n, 50), 255) for n in (1, 2)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert look(tmp_path / "a.tif", TIFF, 2).sizes == {2: (200, 50)}


def test_boxes_of_recognition_serve_where_a_page_says_nothing(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", blank=(1,))
    seen = look(path, seen=((1, (0.0, 0.0, A4[0] / 2, A4[1] / 4)),))
    near(seen.boxes[1][0], 0, 0.75, 0.5, 1)
