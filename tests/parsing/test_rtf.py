"""Rich Text (RTF)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.registry import RTF
from ingest.parsers.rtf import parse_rtf
from tests.parsing import files

START = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fcharset204 Cyr;}}"
)
STYLES = (
    rb"{\stylesheet{\ql Normal;}{\s1\outlinelevel0 heading 1;}{\s2 heading 2;}{\s9 Title;}"
    rb"{\*\cs10 \additive Default Paragraph Font;}}"
)


def read(tmp_path: Path, body: bytes, **limits: int) -> ParsedDocument:
    path = tmp_path / "a.rtf"
    path.write_bytes(START + STYLES + body + b"}")
    return files.parse(path, RTF, **limits)


def shape(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in parsed.blocks]


def text(tmp_path: Path, body: bytes) -> str:
    return read(tmp_path, body).text


def test_headings_lists_and_what_the_file_says_of_itself(tmp_path: Path) -> None:
    parsed = read(
        tmp_path,
        rb"{\info{\title Old}{\author Anna\~Roth}{\subject Rates}{\operator X}"
        rb"{\creatim\yr2024\mo5\dy3\hr10\min4}{\revtim\yr0\mo0\dy0}}"
        rb"\pard\plain\s9 Travel guide\par\pard\plain\s1 {\listtext 1.\tab}Hotels\par"
        rb"\pard\plain Book early.\par\pard\s2 Rates\par\pard{\listtext\'b7\tab}\ilvl1 a receipt\par"
        rb"{\pntext 2)\tab}a form\par\pard\outlinelevel2 Deep\par\pard\plain {\b Who pays}\par"
        rb"\pard {\b All} of it.\par",
    )
    assert shape(parsed) == [
        ("heading", 1, "Travel guide"),
        ("heading", 1, "1. Hotels"),
        ("paragraph", 0, "Book early."),
        ("heading", 2, "Rates"),
        ("list_item", 2, "- a receipt"),
        ("list_item", 2, "2) a form"),
        ("heading", 3, "Deep"),
        ("heading", 6, "Who pays"),
        ("paragraph", 0, "All of it."),
    ]
    assert parsed.title == "Travel guide"
    assert parsed.metadata == {
        "author": "Anna Roth", "subject": "Rates", "created": "2024-05-03T10:04:00"
    }  # fmt: skip


def test_tables(tmp_path: Path) -> None:
    row = rb"\trowd\cellx1000\cellx2000\pard\intbl %s\cell %s\cell\row"
    parsed = read(
        tmp_path,
        rb"\pard Before\par" + row % (rb"{\b City}", rb"{\b Rate}") + row % (b"Bern", rb"1\par 50")
        + row % (rb"Lyon {\trowd\pard\intbl\itap2 in\nestcell{\*\nesttableprops\nestrow}}", b"120")
        + rb"\pard After\par",
    )  # fmt: skip
    assert shape(parsed) == [
        ("paragraph", 0, "Before"),
        ("table", 0, "City | Rate\nBern | 1 50\nLyon in | 120"),
        ("paragraph", 0, "After"),
    ]
    assert parsed.blocks[1].header_rows == 1
    declared = read(
        tmp_path, row.replace(rb"\trowd", rb"\trowd\trhdr") % (b"A", b"B") + row % (b"1", b"2")
    )
    assert declared.blocks[0].header_rows == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (rb"Gr\'fc\'dfe", "Gr\u00fc\u00dfe"),
        (rb"{\f1 \'cf\'f0\'e8\'e2\'e5\'f2} \'e9", "\u041f\u0440\u0438\u0432\u0435\u0442 \u00e9"),
        (rb"\uc1\u8364? and \uc2\u8364\'80\'80.", "\u20ac and \u20ac."),
        (rb"\uc0\u-10179\u-8704", "\U0001f600"),
        (rb"lone \u-10179? end", "lone \ufffd end"),
        (b"caf\xe9 raw", "caf\u00e9 raw"),
        (rb"a\line b\tab c\~d\_e\-f \{g\} \\ \emdash \ldblquote h\rdblquote",
         "a\nb c d\u2011ef {g} \\ \u2014\u201ch\u201d"),
        (rb"{\v hidden}{\deleted gone}shown", "shown"),
        (rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt the link}}", "the link"),
        (rb"{\header top}{\footerf bottom}{\*\unknown x{\b y}}body", "body"),
        (rb"{\object\objemb{\*\objdata 0105}{\result shown}}", "shown"),
        (b"one\\\ntwo", "one\n\ntwo"),
    ],
)  # fmt: skip
def test_text(tmp_path: Path, source: bytes, expected: str) -> None:
    assert text(tmp_path, rb"\pard\plain " + source) == expected


def test_code_pages_of_several_bytes(tmp_path: Path) -> None:
    source = rb"{\rtf1\ansi\ansicpg932 \'93\'fa\'96\'7b \u26085\'93\'fa}"
    (tmp_path / "a.rtf").write_bytes(source)
    assert files.parse(tmp_path / "a.rtf", RTF).text.startswith("\u65e5\u672c \u65e5")


def test_notes_and_boxes_follow_their_paragraph(tmp_path: Path) -> None:
    body = (
        rb"\pard Rates{\footnote \pard See the annex.} rise.{\shp{\*\shpinst\shpleft1{\sp{\sn x}{\sv 1}}"
        rb"{\shptxt \pard In a box\par}}{\shprslt{\*\do{\dptxbxtext In a box\par}}}}\par Next.\par"
    )
    assert shape(read(tmp_path, body)) == [
        ("paragraph", 0, "Rates rise."),
        ("paragraph", 0, "In a box"),
        ("note", 0, "See the annex."),
        ("paragraph", 0, "Next."),
    ]


def test_pictures_cost_nothing(tmp_path: Path) -> None:
    binary = b"{}\\" * 1_000
    body = (
        rb"before {\pict\pngblip " + b"89504e" * 100_000 + rb"}{\pict\bin3000 " + binary
        + rb"}{\object{\*\objdata " + b"01 05\n" * 50_000 + rb"}} after"
    )  # fmt: skip
    assert text(tmp_path, body) == "before after"


def test_what_follows_the_document_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_bytes(START + b"Kept.}trailing {\\par junk}")
    assert files.parse(tmp_path / "a.rtf", RTF).text == "Kept."


def test_cut_off_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_bytes(START + rb"\pard Kept {\b and open")
    assert files.parse(tmp_path / "a.rtf", RTF).text == "Kept and open"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert files.code_of(read, tmp_path, b"{" * 100_000) == "nested-too-deep"
    assert files.code_of(read, tmp_path, b"") == "no-text"
    assert files.code_of(read, tmp_path, rb"word \par " * 1_000, max_chars=500) == "too-much-text"
    assert files.code_of(parse_rtf, b"no rich text", Limits()) == "damaged"


_PIECES = st.sampled_from(
    [b"{", b"}", b"\\par ", b"\\'e9", b"\\u-10179?", b"\\bin9 ", b"\\*", b"\\cell", b"\\row", b"\\intbl ",
     b"\\f1 ", b"\\footnote ", b"\\info ", b"\\title ", b"\\stylesheet ", b"\\s1 ", b"\\fonttbl ", b"text ",
     b"\\fcharset128 ", b"\\ansicpg65001 ", b"\\shptxt ", b"\\listtext ", b"\\yr2024", b"\\uc9 ",
     b"\\", b"\xff"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60))
def test_any_groups_end(pieces: list[bytes]) -> None:
    try:
        parsed = parse_rtf(START + b"".join(pieces), Limits())
    except ParseError as error:
        assert error.code == "nested-too-deep"
    else:
        assert parsed.text.encode("utf-8") is not None
