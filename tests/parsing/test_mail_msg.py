"""Outlook messages (MSG)."""

import datetime as dt
import tempfile
from pathlib import Path

import compressed_rtf
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsers.base import Limits, ParseError
from ingest.parsers.msg import MsgParser
from ingest.parsers.registry import MSG
from tests.parsing import files, ole, outlook

SENT = dt.datetime(2024, 5, 3, 10, 4, tzinfo=dt.UTC)
_SUBJECT, _BODY, _CLASS = 0x0037, 0x1000, 0x001A
_HTML, _RTF = 0x1013, 0x1009
_NAME, _ADDRESS, _SMTP = 0x0C1A, 0x0C1F, 0x5D01


def saved(path: Path, tree: outlook.Tree) -> Path:
    path.write_bytes(outlook.compound(tree))
    return path


def test_a_message_with_files(tmp_path: Path) -> None:
    inner = outlook.message({_SUBJECT: "Older", _BODY: "What was said before."}, embedded=True)
    tree = outlook.message(
        {
            _CLASS: "IPM.Note", _SUBJECT: "Gr\u00fc\u00dfe", _BODY: "New rates.\r\n\r\nAnna\r\n",
            _NAME: "Anna Roth", _ADDRESS: "/O=WORKS/CN=ANNA", _SMTP: "anna@example.com",
        },
        sent=SENT,
        people=[(1, "Bo", "bo@example.com"), (2, "Cy", "cy@example.com"), (3, "Di", "di@example.com")],
        attached=[
            outlook.attachment("rates.txt", b"Bern 150"),
            outlook.attached_message("Older", inner),
            outlook.attachment("a.bin", bytes(range(256)) * 40),
        ],
    )  # fmt: skip
    parsed = files.parse(saved(tmp_path / "a.msg", tree), MSG)
    assert [(block.kind, block.text) for block in parsed.blocks] == [
        (
            "paragraph",
            "From: Anna Roth <anna@example.com>\nTo: Bo <bo@example.com>\nCc: Cy <cy@example.com>\n"
            "Date: Friday, 3 May 2024, 10:04 (UTC)\nSubject: Gr\u00fc\u00dfe\n"
            "Attachments: rates.txt, Older, a.bin",
        ),
        ("paragraph", "New rates."),
        ("paragraph", "Anna"),
        ("heading", "rates.txt"),
        ("paragraph", "Bern 150"),
        ("heading", "Older"),
        ("paragraph", "Subject: Older"),
        ("paragraph", "What was said before."),
    ]
    assert parsed.title == "Gr\u00fc\u00dfe"
    assert parsed.metadata["sent"] == "2024-05-03T10:04:00+00:00"
    assert [(n.code, n.count, n.total, n.names) for n in parsed.warnings] == [
        ("parts-not-read", 1, 3, "a.bin")
    ]


def test_html_and_a_picture_in_it(tmp_path: Path) -> None:
    html = b"<p>See</p><table><tr><th>City<th>Rate<tr><td>Bern<td>150</table><img src='cid:logo@1'>"
    picture = outlook.attachment("logo.png", b"\x89PNG\r\n", content_id="<logo@1>")
    tree = outlook.message(
        {_SUBJECT: "Rates", _BODY: "See City Rate Bern 150"},
        binaries={_HTML: html},
        attached=[picture],
    )
    parsed = files.parse(saved(tmp_path / "a.msg", tree), MSG)
    assert [block.kind for block in parsed.blocks] == ["paragraph", "paragraph", "table"]
    assert parsed.warnings == ()


def test_html_in_rich_text(tmp_path: Path) -> None:
    source = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}}"
        rb"{\*\htmltag64 <html><body>}{\*\htmltag84 <h1>}\htmlrtf {\b \htmlrtf0 Rates \'fcber Land"
        rb"\htmlrtf }\htmlrtf0 {\*\htmltag92 </h1>}{\*\htmltag64 <p>}1 {\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0"
        rb"  2{\*\htmltag72 </p></body></html>}}"
    )
    packed = compressed_rtf.compress(source)
    tree = outlook.message({_SUBJECT: "Rates"}, binaries={_RTF: packed})
    parsed = files.parse(saved(tmp_path / "a.msg", tree), MSG)
    assert [(block.kind, block.text) for block in parsed.blocks[1:]] == [
        ("heading", "Rates \u00fcber Land"),
        ("paragraph", "1 < 2"),
    ]


def test_rich_text_alone(tmp_path: Path) -> None:
    packed = compressed_rtf.compress(rb"{\rtf1\ansi Only here.\par}")
    tree = outlook.message({_SUBJECT: "x"}, binaries={_RTF: packed})
    assert "Only here." in files.parse(saved(tmp_path / "a.msg", tree), MSG).text
    tree = outlook.message({_SUBJECT: "x"}, binaries={_RTF: packed[:-4] + b"oops"})
    assert "Only here." not in files.parse(saved(tmp_path / "b.msg", tree), MSG).text


def test_encrypted_and_damaged(tmp_path: Path) -> None:
    tree = outlook.message({_CLASS: "IPM.Note.SMIME", _SUBJECT: "x"})
    assert files.code_of(files.parse, saved(tmp_path / "a.msg", tree), MSG) == "encrypted"
    (tmp_path / "b.msg").write_bytes(ole.compound({"other": b"x"}))
    assert files.code_of(files.parse, tmp_path / "b.msg", MSG) == "damaged"
    whole = outlook.compound(outlook.message({_SUBJECT: "x", _BODY: "y" * 9_000}))
    (tmp_path / "c.msg").write_bytes(whole[:2_000])
    assert files.code_of(files.parse, tmp_path / "c.msg", MSG) == "damaged"


def test_messages_in_messages_end(tmp_path: Path) -> None:
    tree = outlook.message({_SUBJECT: "0", _BODY: "innermost"}, embedded=True)
    for depth in range(1, 7):
        tree = outlook.message(
            {_SUBJECT: str(depth)},
            attached=[outlook.attached_message("m", tree)],
            embedded=depth < 6,
        )
    parsed = files.parse(saved(tmp_path / "a.msg", tree), MSG)
    assert "innermost" not in parsed.text
    assert [(n.code, n.count) for n in parsed.warnings] == [("parts-not-read", 1)]


WHOLE = outlook.compound(
    outlook.message(
        {_SUBJECT: "Rates", _BODY: "New rates."},
        sent=SENT,
        people=[(1, "Bo", "bo@example.com")],
        attached=[outlook.attachment("a.txt", b"Bern")],
    )
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=30
    )
)
def test_any_damage_ends_in_a_reason(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            MsgParser().parse(Path(file.name), Limits())
        except ParseError as error:
            assert error.code in ("damaged", "encrypted", "no-text")
