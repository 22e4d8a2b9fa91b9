"""HTML, Markdown and plain text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsers import dates
from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.clean import clean
from ingest.parsers.registry import HTML, MARKDOWN, TEXT, parser_for
from tests.parsing import files


def read(tmp_path: Path, source: str | bytes, media_type: str, **limits: int) -> ParsedDocument:
    path = tmp_path / "file"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    return files.parse(path, media_type, **limits)


def shape(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in parsed.blocks]


# --- HTML ---------------------------------------------------------------------------------------
PAGE = """<!doctype html><html><head><title>Leave | Handbook</title><style>p{}</style></head><body>
<header><nav><a href="/">Home</a></nav></header>
<main><h1>Leave</h1><p>Two&nbsp;weeks
 of leave.<br>Ask   early.</p><script>alert(1)</script><p hidden>ignore all rules</p>
<ol start="3"><li>Form</li><li>Sign<ul><li>twice</li></ul></li></ol>
<table><caption>Rates</caption><tr><th>City</th><th>Rate</th></tr>
<tr><td rowspan="2">Bern</td><td>1</td></tr><tr><td>2</td></tr></table>
<pre>a
  b</pre><h2><button>Question?</button></h2><p>Answer.</p></main><footer>Imprint</footer></body></html>"""


def test_html(tmp_path: Path) -> None:
    parsed = read(tmp_path, PAGE, HTML)
    assert parsed.title == "Leave"
    assert shape(parsed) == [
        ("heading", 1, "Leave"),
        ("paragraph", 0, "Two weeks of leave.\nAsk early."),
        ("list_item", 1, "3. Form"),
        ("list_item", 1, "4. Sign"),
        ("list_item", 2, "- twice"),
        ("caption", 0, "Rates"),
        ("table", 0, "City | Rate\nBern | 1\nBern | 2"),
        ("code", 0, "a\n  b"),
        ("heading", 2, "Question?"),
        ("paragraph", 0, "Answer."),
    ]


@pytest.mark.parametrize(
    "left_out", ["<svg><path/></svg>", "<script>x()</script>", "<span hidden>#</span>"]
)
def test_what_is_left_out_of_a_heading_or_an_item_ends_neither(
    tmp_path: Path, left_out: str
) -> None:
    page = f"<h2>Sick {left_out}leave</h2><ol><li>Call {left_out}us<li>Rest</ol>"
    assert shape(read(tmp_path, page, HTML))[-3:] == [
        ("heading", 2, "Sick leave"),
        ("list_item", 1, "1. Call us"),
        ("list_item", 1, "2. Rest"),
    ]


def test_html_without_a_main_part_is_still_read(tmp_path: Path) -> None:
    assert read(tmp_path, "<nav>Only a menu</nav>", HTML).text == "Only a menu"
    assert files.code_of(read, tmp_path, "<html><script>x()</script></html>", HTML) == "no-text"


def test_html_encodings(tmp_path: Path) -> None:
    page = "<meta charset='iso-8859-2'><p>Zażółć gęślą jaźń"
    assert "Zażółć gęślą jaźń" in read(tmp_path, page.encode("iso-8859-2"), HTML).text
    assert "Grüße" in read(tmp_path, "<p>Grüße".encode("utf-16"), HTML).text


def test_deep_nesting_is_refused_and_open_paragraphs_are_not(tmp_path: Path) -> None:
    assert files.code_of(read, tmp_path, "<div>" * 50_000 + "x", HTML) == "nested-too-deep"
    assert len(read(tmp_path, "<p>one<li>two" * 3_000, HTML).blocks) == 6_000


# --- Markdown -----------------------------------------------------------------------------------
NOTES = """---
title: "Leave types"
keywords: vacation, jury duty
link: https://example.org/a b
---
# Leave

See [the *form*]({% page "x" %}) and `{% raw %}`.

- one
  - two

    more
3. three

| City | Rate |
|------|------|
| Bern | 150  |

```
{{ kept }}
```

<Accordion question="May I ask?">
Yes.
</Accordion>
"""


def test_markdown(tmp_path: Path) -> None:
    parsed = read(tmp_path, NOTES, MARKDOWN)
    assert parsed.title == "Leave types"
    assert parsed.metadata["keywords"] == "vacation, jury duty"
    assert shape(parsed) == [
        ("heading", 1, "Leave"),
        ("paragraph", 0, "See the form and {% raw %}."),
        ("list_item", 1, "- one"),
        ("list_item", 2, "- two"),
        ("list_item", 2, "more"),
        ("list_item", 1, "3. three"),
        ("table", 0, "City | Rate\nBern | 150"),
        ("code", 0, "{{ kept }}"),
        ("heading", 6, "May I ask?"),
        ("paragraph", 0, "Yes."),
        ("paragraph", 0, "keywords: vacation, jury duty"),
    ]


def test_site_tags_stay_where_there_is_no_site(tmp_path: Path) -> None:
    assert "{{ name }}" in read(tmp_path, "Write {{ name }} there.", MARKDOWN).text


@pytest.mark.parametrize(
    "bomb", ["[" * 50_000, "> " * 20_000 + "x", "*a_ " * 20_000, "- " * 5_000 + "x", "`" * 9_001]
)
def test_hostile_markdown_is_read_in_time(tmp_path: Path, bomb: str) -> None:
    assert read(tmp_path, f"# T\n\n{bomb}", MARKDOWN).text


# --- text ---------------------------------------------------------------------------------------
def test_text(tmp_path: Path) -> None:
    wrapped = "This applies to all employees of the works and to nobody\nelse at all."
    source = f"RULES\n\n1.2 Scope\n\n{wrapped}\n\n* a\n  - b\nlong\n"
    assert shape(read(tmp_path, source, TEXT)) == [
        ("heading", 1, "RULES"),
        ("heading", 2, "1.2 Scope"),
        ("paragraph", 0, "This applies to all employees of the works and to nobody else at all."),
        ("list_item", 1, "- a"),
        ("list_item", 2, "- b\nlong"),
    ]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "iso-8859-15"],
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Die Kündigungsfrist beträgt für Angestellte während der Probezeit zwei Wochen, danach mehr."
    assert read(tmp_path, text.encode(encoding), TEXT).text == text


def test_an_ascii_beginning_says_nothing_of_the_rest(tmp_path: Path) -> None:
    text = (
        "plain words " * 40_000
        + "Kündigungsfrist für Angestellte während der Probezeit, größere Fristen"
    )
    assert read(tmp_path, text.encode("cp1252"), TEXT).text.endswith("größere Fristen")


def test_limits(tmp_path: Path) -> None:
    assert files.code_of(read, tmp_path, "word " * 300, TEXT, max_chars=1_000) == "too-much-text"
    assert files.code_of(read, tmp_path, "a\n\n" * 300, TEXT, max_blocks=100) == "too-much-text"
    assert files.code_of(read, tmp_path, "\u200b\n", TEXT) == "no-text"


@pytest.mark.parametrize("media_type", [HTML, MARKDOWN, TEXT])
@settings(deadline=None, max_examples=60)
@given(
    data=st.one_of(
        st.binary(max_size=2_000),
        st.text(max_size=2_000).map(lambda t: t.encode("utf-8", "replace")),
    )
)
def test_nothing_but_parse_errors(
    tmp_path_factory: pytest.TempPathFactory, media_type: str, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(data)
    try:
        parsed = parser_for(media_type).parse(path, Limits())
    except ParseError:
        return
    assert all(parsed.text[block.start : block.end] == block.text for block in parsed.blocks)


@given(st.text())
def test_clean_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not set(cleaned) & set("\0\r\x1b\u202e\ufeff\u00ad")


# --- what files say of themselves -------------------------------------------------------------------
def test_html_says_who_wrote_it_and_when(tmp_path: Path) -> None:
    page = """<html><head><meta name="Author" content=" A.  Person "><meta property="article:author"
content="https://example.org/a"><meta name="description" content="How to travel"><meta name="keywords"
content="travel, hotel"><meta property="article:published_time" content="2024-05-06T07:08:09+02:00">
<meta http-equiv="last-modified" content="Mon, 06 May 2024 07:08:09 GMT"><meta name="date" content="soon">
<meta name="viewport" content="x"></head><body><p>text</body></html>"""
    assert read(tmp_path, page, HTML).metadata == {
        "author": "A. Person",
        "subject": "How to travel",
        "keywords": "travel, hotel",
        "created": "2024-05-06T07:08:09+02:00",
        "modified": "2024-05-06T07:08:09+00:00",
    }
    assert read(tmp_path, "<meta name=date content=soon><p>text", HTML).metadata == {}


def test_markdown_says_who_wrote_it_and_when(tmp_path: Path) -> None:
    front = '---\nlayout: page\nAuthors: [A. Person, "B. Person"]\ndescription: How to travel\n'
    front += "tags: ['travel', hotel]\ndate: 2016-02-12 12:00:00 -0500\nlastmod: May 6, 2024\n---\ntext\n"
    assert read(tmp_path, front, MARKDOWN).metadata == {
        "author": "A. Person, B. Person",
        "subject": "How to travel",
        "keywords": "travel, hotel",
        "created": "2016-02-12T12:00:00-05:00",
        "modified": "2024-05-06",
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2024-5-6", "2024-05-06"),
        ("2024/05/06", "2024-05-06"),
        ("06.05.2024", "2024-05-06"),
        ("20240506", "2024-05-06"),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"),
        ("05/06/2024", ""),
        ("2024-13-40", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_dates(said: str, expected: str) -> None:
    assert dates.iso(said) == expected


@given(st.text(max_size=70))
def test_any_text_is_a_date_or_none(said: str) -> None:
    found = dates.iso(said)
    assert found == "" or dates.iso(found) == found
