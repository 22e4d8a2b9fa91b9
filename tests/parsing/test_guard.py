"""What a file is, by its content."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.guard import MAX_NAME, detect_media_type, safe_name
from ingest.parsers import archive
from ingest.parsers.base import ParseError
from ingest.parsers.registry import DOCX, HTML, MARKDOWN, PDF, SUPPORTED, TEXT
from tests.parsing import files


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
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(99), "scan.pdf", "unsupported-format", "JPEG"),
        (b"{\\rtf1 x}", "a.docx", "unsupported-format", "RTF"),
        (bytes(range(256)) * 9, "a.txt", "unsupported-format", "Accepted are PDF"),
        (b"From: a@b.example\nSubject: x\nDate: y\n\nz", "a.eml", "unsupported-format", "e-mail"),
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


@pytest.mark.parametrize(
    ("types", "words"),
    [
        (b"spreadsheetml.sheet.main+xml", "XLSX"),
        (b"presentationml.presentation.main+xml", "PPTX"),
        (b"ms-word.document.macroEnabled.main+xml", "DOCM"),
        (b"nothing known", "ZIP"),
    ],
)
def test_office_files_by_their_parts(tmp_path: Path, types: bytes, words: str) -> None:
    path = files.archive(tmp_path / "x.docx", {"[Content_Types].xml": types})
    with pytest.raises(ParseError, match="unsupported-format") as caught:
        detect_media_type(path, "x.docx")
    assert words in caught.value.detail
    assert all(name in caught.value.detail for name in SUPPORTED.values())


def test_word_under_any_name(tmp_path: Path) -> None:
    assert detect_media_type(files.word(tmp_path / "x.pdf"), "x.pdf") == DOCX


def test_old_and_encrypted_office(tmp_path: Path) -> None:
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    assert (
        files.code_of(detect, tmp_path, ole + "WordDocument".encode("utf-16-le"), "a.doc")
        == "unsupported-format"
    )
    assert (
        files.code_of(detect, tmp_path, ole + "EncryptedPackage".encode("utf-16-le"), "a.docx")
        == "encrypted"
    )


def test_zip_bombs_are_refused_unopened(tmp_path: Path) -> None:
    bomb = files.archive(tmp_path / "bomb.docx", {"word/document.xml": bytes(8 << 20)})
    assert files.code_of(detect_media_type, bomb, "bomb.docx") == "archive-too-large"
    many = tmp_path / "many.docx"
    many.write_bytes(files.zipped(archive.MAX_MEMBERS + 1))
    assert files.code_of(detect_media_type, many, "many.docx") == "archive-too-large"


@given(
    st.binary(max_size=3_000),
    st.sampled_from(["", "%PDF-1.4\n", "PK\x03\x04", "PK\x05\x06", "<html>", "# x\n"]),
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
