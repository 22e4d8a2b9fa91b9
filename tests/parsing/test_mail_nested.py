"""Files inside files: attachments, archives among them, and the bounds that they share."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers.base import Limits, ParsedDocument
from ingest.parsers.nested import Parts, read_part, shown_path
from ingest.parsers.registry import EML
from tests.parsing import files


def mail(*attached: tuple[str, bytes]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Rates"
    message.set_content("See below.")
    for name, data in attached:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message


def read(tmp_path: Path, message: EmailMessage, **limits: int) -> ParsedDocument:
    path = tmp_path / "a.eml"
    path.write_bytes(bytes(message))
    return files.parse(path, EML, **limits)


def word(tmp_path: Path) -> bytes:
    return files.word(tmp_path / "a.docx").read_bytes()


def unread(parsed: ParsedDocument) -> list[tuple[int, int, str]]:
    return [(n.count, n.total, n.names) for n in parsed.warnings if n.code == "parts-not-read"]


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return buffer.getvalue()


def test_files_follow_below_their_names(tmp_path: Path) -> None:
    pdf = files.pdf(tmp_path / "b.pdf").read_bytes()
    parsed = read(tmp_path, mail(("travel.docx", word(tmp_path)), ("leave.pdf", pdf)))
    shape = [(block.kind, block.level, block.text) for block in parsed.blocks]
    assert shape[0][2] == "Subject: Rates\nAttachments: travel.docx, leave.pdf"
    assert shape[1:5] == [
        ("paragraph", 0, "See below."),
        ("heading", 1, "travel.docx"),
        ("heading", 2, "Travel"),
        ("paragraph", 0, "Book early."),
    ]
    table = next(block for block in parsed.blocks if block.kind == "table")
    assert (table.rows[1], table.header_rows) == (("Bern", "150"), 1)
    assert any(text.startswith("leave.pdf") for _, _, text in shape)
    assert "thirty days of annual leave" in parsed.text
    assert all(block.page is None and not block.boxes for block in parsed.blocks)
    assert parsed.pages is None and parsed.warnings == ()


def test_one_bad_file_spoils_nothing(tmp_path: Path) -> None:
    broken = files.repacked(
        files.word(tmp_path / "b.docx"), tmp_path / "c.docx", {"word/document.xml": b"<w:document>"}
    ).read_bytes()
    attached = (
        ("c.docx", broken),
        ("x.exe", b"MZ" + bytes(2_000)),
        ("", b""),
        ("a.txt", b"Bern 150"),
    )
    parsed = read(tmp_path, mail(*attached))
    assert parsed.text.endswith("a.txt\n\nBern 150")
    assert unread(parsed) == [(3, 4, "c.docx, x.exe, application")]


def test_archives_are_folders(tmp_path: Path) -> None:
    inner = packed({"deep.txt": b"At the bottom."})
    archive = packed({
        "notes/a.txt": b"Bern 150", "../../etc/b.md": b"# Lyon\n\n120\n", "x.bin": bytes(range(256)) * 9,
        "inner.zip": inner, "__MACOSX/._a.txt": b"junk", "empty/": b"",
    })  # fmt: skip
    parsed = read(tmp_path, mail(("all.zip", archive)))
    headings = [(block.level, block.text) for block in parsed.blocks if block.kind == "heading"]
    assert headings == [
        (1, "all.zip"), (2, "notes/a.txt"), (2, "etc/b.md"), (3, "Lyon"), (2, "inner.zip"), (3, "deep.txt"),
    ]  # fmt: skip
    assert unread(parsed) == [(1, 6, "x.bin")]


def test_messages_in_messages_share_the_bounds(tmp_path: Path) -> None:
    message = mail(("innermost.txt", b"innermost"))
    for _ in range(6):
        outer = mail()
        outer.add_attachment(message)
        message = outer
    parsed = read(tmp_path, message)
    assert "innermost" not in parsed.text
    assert unread(parsed) == [(1, 5, "Rates")]
    assert "innermost" in read(tmp_path, message, max_depth=7).text


def test_too_many_files(tmp_path: Path) -> None:
    attached = [(f"{number}.txt", b"Bern %d" % number) for number in range(9)]
    parsed = read(tmp_path, mail(*attached), max_parts=4)
    assert "Bern 3" in parsed.text and "Bern 4" not in parsed.text
    assert unread(parsed) == [(5, 9, "4.txt, 5.txt, 6.txt, 7.txt, 8.txt")]


def test_a_file_with_too_much_text_leaves_the_others(tmp_path: Path) -> None:
    attached = (
        ("long.txt", b"word " * 500),
        ("short.txt", b"Bern 150"),
        ("again.txt", b"word " * 190),
    )
    parsed = read(tmp_path, mail(*attached), max_chars=1_000)
    assert "Bern 150" in parsed.text
    assert unread(parsed) == [(2, 3, "long.txt, again.txt")]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = packed({"zeros.txt": bytes(40 << 20)})
    parsed = read(tmp_path, mail(("bomb.zip", bomb), ("a.txt", b"Bern 150")))
    assert "Bern 150" in parsed.text
    assert unread(parsed) == [(1, 2, "bomb.zip")]


def test_members_share_the_bytes_that_are_left() -> None:
    parts = Parts(Limits(), bytes_left=3_000)
    parsed = read_part("a.zip", packed({"a.txt": b"a " * 600, "b.txt": b"b " * 1_200}), parts)
    assert parsed is not None and "a a" in parsed.text and "b b" not in parsed.text
    assert parts.unread == ["b.txt"]


def test_pictures_are_counted(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(10, 10, 100, 100, fill=1)
    canvas.showPage()
    canvas.save()
    half = files.pdf(tmp_path / "half.pdf", pages=3, blank=(2,)).read_bytes()
    parsed = read(
        tmp_path, mail(("scan.pdf", (tmp_path / "scan.pdf").read_bytes()), ("half.pdf", half))
    )
    assert [(n.code, n.count, n.total, n.names) for n in parsed.warnings] == [
        ("parts-not-read", 1, 2, "scan.pdf"),
        ("pages-without-text", 1, 3, "half.pdf: 2"),
    ]


def test_the_title_of_a_file_stands_beside_its_name(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "Hotel rates of 2024"
    document.add_paragraph("Bern 150")
    document.save(str(tmp_path / "r.docx"))
    parsed = read(tmp_path, mail(("r.docx", (tmp_path / "r.docx").read_bytes())))
    assert "r.docx: Hotel rates of 2024" in parsed.text


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../etc/passwd", "etc/passwd"), ("C:\\Temp\\a.txt", "C_/Temp/a.txt"), ("", "file"),
     ("a\x00\u202etxt.exe", "atxt.exe"), ("..", "file"), ("x" * 400 + ".txt", "x" * 120)],
)  # fmt: skip
def test_names_are_no_paths(name: str, shown: str) -> None:
    assert shown_path(name) == shown


def test_in_the_sandbox(tmp_path: Path) -> None:
    message = mail(("travel.docx", word(tmp_path)))
    (tmp_path / "a.eml").write_bytes(bytes(message))
    refused: list[object] = []
    parsed = files.isolated(tmp_path / "a.eml", EML, on_refused=refused.append)
    assert "Book early." in parsed.text and parsed.warnings == () and refused == []


def test_large_files_in_the_sandbox(tmp_path: Path) -> None:
    message = mail(("long.txt", b"word " * 400_000))
    (tmp_path / "a.eml").write_bytes(bytes(message))
    assert files.isolated(tmp_path / "a.eml", EML).warnings == ()
