"""What a file is, by its content."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.guard import MAX_NAME, detect_media_type, safe_name
from ingest.parsers import archive
from ingest.parsers.base import ParseError
from ingest.parsers.registry import (
    CSV,
    DOC,
    DOCX,
    EML,
    EPUB,
    HTML,
    JPEG,
    MARKDOWN,
    MSG,
    ODP,
    ODS,
    ODT,
    PDF,
    PNG,
    PPT,
    PPTX,
    RTF,
    SUPPORTED,
    TEXT,
    TIFF,
    XLS,
    XLSX,
    ZIP,
)  # fmt: skip
from tests.parsing import files, ole


def detect(tmp_path: Path, data: bytes, name: str) -> str:
    path = tmp_path / "file"
    path.write_bytes(data)
    return detect_media_type(path, name)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%PDF-1.7\n...", "a.txt", PDF),
        (b"junk\n%PDF-1.4\n1 0 obj <<>> endobj", "a.pdf", PDF),
        (b"A text about %PDF-1.4 as a mark.", "a.pdf", TEXT),
        (b"<!DOCTYPE html><html><body>x</body></html>", "a.md", HTML),
        (b"\xef\xbb\xbf <!-- c --> <html><p>x", "a.txt", HTML),
        (b"<p>Only a fragment</p>", "a.html", HTML),
        (b"<p>Only a fragment</p>", "a.md", MARKDOWN),
        (b"no tag at all", "a.html", TEXT),
        (b"# Title\n\ntext", "a.md", MARKDOWN),
        (b"# Title\n\ntext", "a.txt", TEXT),
        (b"# Title\n\nA [link](x) and **bold**\n\n```\ncode\n```", "a.txt", MARKDOWN),
        ("Grüße".encode("latin-1"), "a.txt", TEXT),
        ("Grüße an alle".encode("utf-16"), "a.txt", TEXT),
        ("Grüße an alle".encode("utf-16-le"), "a", TEXT),
        (b"MZ is how this text begins, and it is a text.", "a.txt", TEXT),
        (b"{\\rtf1 x}", "a.docx", RTF),
        (b"{\\rtf1 {\\*\\bin " + bytes(500) + b"}}", "a.doc", RTF),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(99), "scan.pdf", JPEG),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "a.jpg", PNG),
        (b"II*\0" + bytes(99), "a", TIFF),
        (b"MM\0*" + bytes(99), "a", TIFF),
        (b"\x09\x02\x06\x00\0\0\x10\0" + bytes(99), "a.xls", XLS),
    ],
)
def test_content_decides(tmp_path: Path, data: bytes, name: str, expected: str) -> None:
    assert detect(tmp_path, data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "code", "words"),
    [
        (b"", "a.pdf", "empty-file", "empty"),
        (b" \n\0\0", "a.txt", "empty-file", "empty"),
        (
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" * 9,
            "report.pdf",
            "unsupported-format",
            "Windows program",
        ),
        (b"GIF89a" + bytes(99), "scan.pdf", "unsupported-format", "GIF"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "a.jpg", "unsupported-format", "HEIC"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(99), "a.png", "unsupported-format", "WebP"),
        (b"Rar!\x1a\x07\0" + bytes(99), "a.zip", "unsupported-format", "RAR"),
        (b"PK\x05\x06" + bytes(18), "a.zip", "empty-file", "no files"),
        (bytes(range(256)) * 9, "a.txt", "unsupported-format", "Accepted are PDF"),
        (b"PK\x03\x04cut", "a.docx", "damaged", "damaged"),
    ],
)
def test_refusals_say_what_it_is(
    tmp_path: Path, data: bytes, name: str, code: str, words: str
) -> None:
    with pytest.raises(ParseError) as caught:
        detect(tmp_path, data, name)
    assert caught.value.code == code
    assert words in caught.value.detail


_MAIL = (
    "Received: from a.example by b.example\n\twith SMTP; Fri, 16 Dec 2022 17:04:16 -0500\n"
    "From: Ann <ann@example.org>\nSubject: Keys\nMIME-Version: 1.0\n\nThe keys are in the drawer.\n"
)
_QUOTED = "From: Ann\nTo: Ben\nDate: Monday\nSubject: Keys\n\nThe keys are in the drawer.\n"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (_MAIL, "a.eml", EML),
        (_MAIL, "note.txt", EML),
        (_MAIL.replace("\n", "\r\n"), "", EML),
        ("From ann@example.org Fri Dec 16 17:04:16 2022\n" + _MAIL, "a", EML),
        (_QUOTED, "a.eml", EML),
        (_QUOTED, "a.txt", TEXT),
        ("As he wrote:\n\n" + _MAIL, "a.txt", TEXT),
        ("Subject: only one\n\nx", "a.eml", TEXT),
        ("Message-ID: how it is made\nFrom: us\nTo: you\n\nx", "a.txt", TEXT),
    ],
)
def test_mail_begins_with_its_headers(tmp_path: Path, text: str, name: str, expected: str) -> None:
    assert detect(tmp_path, text.encode(), name) == expected
    assert detect(tmp_path, text.encode("utf-16"), name) == expected


def test_a_mailbox_is_refused_by_its_name(tmp_path: Path) -> None:
    line = "From ann@example.org Fri Dec 16 17:04:16 2022\n"
    with pytest.raises(ParseError) as caught:
        detect(tmp_path, (line + _MAIL + "\n" + line + _MAIL).encode(), "all.mbox")
    assert "MBOX" in caught.value.detail


_ROWS = "Name{0}City{0}Rate\n" + "".join(f"Ann {n}{{0}}Bern{{0}}{n}\n" for n in range(9))
_PROSE = "First, he came, and saw what there was to see in town.\n" * 9


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (_ROWS.format(","), "a.csv", CSV),
        (_ROWS.format(";"), "a.txt", CSV),
        (_ROWS.format("\t"), "a", CSV),
        ("one column\n1\n", "a.csv", CSV),
        (_PROSE, "a.txt", TEXT),
        (_PROSE, "a.tsv", CSV),
        (_ROWS.format(","), "a.md", MARKDOWN),
        ("f(a, b, c);\n" * 9, "a.c", TEXT),
        ('{"a": 1, "b": 2, "c": 3}\n' * 9, "a.jsonl", TEXT),
    ],
)
def test_tables_by_name_or_by_their_columns(
    tmp_path: Path, text: str, name: str, expected: str
) -> None:
    assert detect(tmp_path, text.encode(), name) == expected


def test_a_table_longer_than_what_is_looked_at(tmp_path: Path) -> None:
    rows = "".join(f"Name of {n},{'x' * 70},{'y' * 70},{'z' * 70}\n" for n in range(5_000))
    assert detect(tmp_path, rows.encode(), "export.txt") == CSV


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml."


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        (_WORD + "document.main+xml", DOCX),
        (_WORD + "template.main+xml", DOCX),
        ("application/vnd.ms-word.document.macroEnabled.main+xml", DOCX),
        ("application/vnd.ms-word.template.macroEnabledTemplate.main+xml", DOCX),
        (_SHEET + "sheet.main+xml", XLSX),
        (_SHEET + "template.main+xml", XLSX),
        ("application/vnd.ms-excel.sheet.macroEnabled.main+xml", XLSX),
        (_SLIDES + "presentation.main+xml", PPTX),
        (_SLIDES + "template.main+xml", PPTX),
        (_SLIDES + "slideshow.main+xml", PPTX),
        ("application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml", PPTX),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_office_files_by_their_parts(
    tmp_path: Path, main: str, expected: str, encoding: str
) -> None:
    types = f'<Types><Override PartName="/x.xml" ContentType="{main}"/></Types>'
    path = files.archive(tmp_path / "x.pdf", {"[Content_Types].xml": types.encode(encoding)})
    assert detect_media_type(path, "x.pdf") == expected


def test_a_workbook_in_a_word_file_is_a_word_file(tmp_path: Path) -> None:
    inner = _SHEET + "sheet"
    types = (
        f'<Types><Default Extension="xlsx" ContentType="{inner}"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_WORD}document.main+xml"/></Types>'
    )
    parts = {"[Content_Types].xml": types.encode(), "word/embeddings/a.xlsx": b"x"}
    assert detect_media_type(files.archive(tmp_path / "x", parts), "x") == DOCX


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"mimetype": ODT.encode()}, ODT),
        ({"mimetype": ODT.encode() + b"-template\n"}, ODT),
        ({"mimetype": ODS.encode()}, ODS),
        ({"mimetype": ODP.encode()}, ODP),
        ({"mimetype": b"application/epub+zip"}, EPUB),
        (
            {
                "content.xml": b"",
                "META-INF/manifest.xml": f'<m:file-entry m:media-type="{ODS}"/>'.encode(),
            },
            ODS,
        ),
        ({"word/document.xml": b""}, DOCX),
        ({"mimetype": b"whatever this is", "a.txt": b"x"}, ZIP),
        ({"a.txt": b"x", "b/report.docx": b"y"}, ZIP),
    ],
)
def test_packages_and_folders(tmp_path: Path, parts: dict[str, bytes], expected: str) -> None:
    assert detect_media_type(files.archive(tmp_path / "x", parts), "x.docx") == expected


@pytest.mark.parametrize(
    ("parts", "code", "words"),
    [
        ({"xl/workbook.bin": b"x", "[Content_Types].xml": b""}, "unsupported-format", "XLSB"),
        (
            {"mimetype": b"application/vnd.oasis.opendocument.graphics"},
            "unsupported-format",
            "draw",
        ),
        ({"META-INF/MANIFEST.MF": b"", "A.class": b""}, "unsupported-format", "Java"),
        ({"Index/Document.iwa": b""}, "unsupported-format", "Pages"),
        (
            {"mimetype": ODT.encode(), "META-INF/manifest.xml": b"<manifest:encryption-data/>"},
            "encrypted",
            "password",
        ),
    ],
)
def test_refused_packages_say_what_they_are(
    tmp_path: Path, parts: dict[str, bytes], code: str, words: str
) -> None:
    with pytest.raises(ParseError) as caught:
        detect_media_type(files.archive(tmp_path / "x.zip", parts), "x.zip")
    assert caught.value.code == code
    assert words in caught.value.detail
    if code == "unsupported-format":
        assert all(name in caught.value.detail for name in SUPPORTED.values())


def test_word_under_any_name(tmp_path: Path) -> None:
    assert detect_media_type(files.word(tmp_path / "x.pdf"), "x.pdf") == DOCX


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ({"WordDocument": b"x", "1Table": b"y"}, DOC),
        ({"PowerPoint Document": b"x", "Current User": b"y"}, PPT),
        ({"Workbook": b"x"}, XLS),
        ({"Book": b"x"}, XLS),
        ({"__properties_version1.0": b"x"}, MSG),
        # An object in a workbook, and what text of a document may say.
        ({"Workbook": b"x", "MBD0001/WordDocument": b"y"}, XLS),
        ({"Workbook": "WordDocument EncryptedPackage".encode("utf-16-le")}, XLS),
    ],
)
def test_old_office_by_the_streams_at_the_root(
    tmp_path: Path, streams: dict[str, bytes], expected: str
) -> None:
    assert detect(tmp_path, ole.compound(streams), "a.docx") == expected


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}, "encrypted"),
        ({"PowerPoint Document": b"x", "EncryptedSummary": b"y"}, "encrypted"),
        ({"WordDocument": bytes.fromhex("eca5c100") + bytes(7) + b"\x13"}, "encrypted"),
        ({"VisioDocument": b"x"}, "unsupported-format"),
        ({"Anything": b"x"}, "unsupported-format"),
    ],
)
def test_old_office_that_is_refused(tmp_path: Path, streams: dict[str, bytes], code: str) -> None:
    assert files.code_of(detect, tmp_path, ole.compound(streams), "a.doc") == code


def test_hostile_tables_of_old_files_are_not_followed(tmp_path: Path) -> None:
    good = bytearray(ole.compound({"WordDocument": b"x"}))
    for place, value in ((44, b"\xff\xff\xff\x7f"), (72, b"\xff\xff\xff\x7f"), (30, b"\xff\xff")):
        bad = good.copy()
        bad[place : place + len(value)] = value
        assert files.code_of(detect, tmp_path, bytes(bad), "a.doc") == "damaged"
    many = ole.compound({f"s{n}": b"" for n in range(11_000)})
    assert files.code_of(detect, tmp_path, many, "a.doc") == "damaged"


def test_zip_bombs_are_refused_unopened(tmp_path: Path) -> None:
    bomb = files.archive(tmp_path / "bomb.docx", {"word/document.xml": bytes(8 << 20)})
    assert files.code_of(detect_media_type, bomb, "bomb.docx") == "archive-too-large"
    many = tmp_path / "many.docx"
    many.write_bytes(files.zipped(45_000))
    assert many.stat().st_size > archive.MAX_DIRECTORY
    assert files.code_of(detect_media_type, many, "many.docx") == "archive-too-large"


@given(
    st.binary(max_size=3_000),
    st.sampled_from(
        [
            "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "",
            "%PDF-1.4\n",
            "PK\x03\x04",
            "PK\x05\x06",
            "<html>",
            "# x\n",
            "From: a\n",
            "a,b,c\n",
        ]
    ),
)
def test_nothing_but_parse_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, head: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(head.encode("latin-1") + data)
    try:
        assert detect_media_type(path, "a.docx") in SUPPORTED
    except ParseError as error:
        assert error.code and error.detail


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\plan.docx", "plan.docx"),
        ("a\0b\nc\u202egnp.exe", "ab cgnp.exe"),
        ("CON.txt", "_CON.txt"),
        ("...", "document"),
        ("", "document"),
        ("a/b/..", "b"),
        ('what? "this": <x>|*.md', "what_ _this__ _x___.md"),
        ("Cafe\u0301.pdf", "Café.pdf"),
        ("  report .pdf ", "report .pdf"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_long_names_keep_their_extension() -> None:
    name = safe_name("ä" * 300 + ".docx")
    assert len(name) == MAX_NAME
    assert name.endswith("ä.docx")


@given(st.text(max_size=400))
def test_any_name_becomes_safe(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= MAX_NAME
    assert not set(safe) & set('/\\\0\n<>:"|?*\u202e')
    assert safe_name(safe) == safe
    safe.encode("utf-8")
