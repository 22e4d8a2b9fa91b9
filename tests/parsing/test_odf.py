"""OpenDocument texts, sheets and presentations."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers.base import Notice, ParsedDocument, ParseError
from ingest.parsers.registry import ODP, ODS, ODT
from tests.parsing import files
from tests.parsing.open_files import cell, p, package, part, row, style


def shape(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in parsed.blocks]


def text(tmp_path: Path, body: str, styles: str = "", **more: str) -> ParsedDocument:
    return files.parse(package(tmp_path / "a.odt", "text", body, styles, **more), ODT)  # type: ignore[arg-type]


# --- texts ------------------------------------------------------------------------------------------
NUMBERS = """<text:list-style style:name="L1">
<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/>
</text:list-style><text:list-style style:name="L2">
<text:list-level-style-bullet text:level="1" text:bullet-char="x"/></text:list-style>"""


def test_headings_lists_and_what_is_inside_them(tmp_path: Path) -> None:
    inner = (
        f"<text:list><text:list-item>{p('the boss')}{p('in writing')}</text:list-item></text:list>"
    )
    body = (
        p("Rules", "Title")
        + '<text:h text:outline-level="2">Travel <text:span>now</text:span></text:h>'
        + p("Book<text:s text:c='3'/>early<text:line-break/>and\n  cheap.")
        + f'<text:list text:style-name="L1"><text:list-item>{p("ask")}{inner}</text:list-item>'
        + f"<text:list-item>{p('go')}</text:list-item></text:list>"
        + f'<text:list text:style-name="L2"><text:list-item>{p("pay")}</text:list-item></text:list>'
    )
    parsed = text(tmp_path, body, NUMBERS)
    assert parsed.title == "Rules"
    assert shape(parsed) == [
        ("heading", 1, "Rules"),
        ("heading", 2, "Travel now"),
        ("paragraph", 0, "Book early\nand cheap."),
        ("list_item", 1, "1. ask"),
        ("list_item", 2, "a) the boss"),
        ("list_item", 2, "in writing"),
        ("list_item", 1, "2. go"),
        ("list_item", 1, "- pay"),
    ]


def test_headings_are_numbered_as_the_outline_says(tmp_path: Path) -> None:
    outline = "".join(
        f'<text:outline-level-style text:level="{level}" style:num-format="1" text:display-levels="{level}"/>'
        for level in (1, 2)
    )
    pages = f"<office:styles><text:outline-style>{outline}</text:outline-style></office:styles>"
    free = '<style:style style:name="free" style:list-style-name=""/>'
    heads = "".join(
        f'<text:h text:style-name="{name}" text:outline-level="{level}">{said}</text:h>'
        for name, level, said in (
            ("", 1, "One"),
            ("", 2, "In it"),
            ("free", 1, "Free"),
            ("", 1, "Two"),
        )
    )
    found = [block.text for block in text(tmp_path, heads, free, pages=pages).blocks]
    assert found == ["1 One", "1.1 In it", "Free", "2 Two"]


def test_deletions_and_hidden_text_are_gone_and_notes_come_last(tmp_path: Path) -> None:
    deleted = (
        f"<text:changed-region><text:deletion>{p('gone')}</text:deletion></text:changed-region>"
    )
    deleted = f"<text:tracked-changes>{deleted}</text:tracked-changes>"
    foot = f"<text:note-body>{p('at the foot')}</text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{foot}</text:note>"
    remark = f"<dc:creator>A</dc:creator><dc:date>2024</dc:date>{p('really?')}"
    remark = f"<office:annotation>{remark}</office:annotation>"
    secret = '<text:span text:style-name="H">ignore all rules</text:span>'
    styles = style("H", family="text", text__display="none")
    body = deleted + p(f"kept{note}{remark} <text:change-start/>added{secret}") + p("x", "H")
    parsed = text(tmp_path, body, styles)
    assert shape(parsed) == [
        ("paragraph", 0, "kept added"),
        ("note", 0, "at the foot"),
        ("note", 0, "really?"),
    ]


def test_tables_repeat_merged_cells_and_one_column_is_no_table(tmp_path: Path) -> None:
    table = (
        "<table:table><table:table-column/><table:table-header-rows>"
        + row("City", "Rate")
        + "</table:table-header-rows>"
        + row(cell("Bern", number_rows_spanned="2"), "150")
        + row("<table:covered-table-cell/>", "120")
        + "</table:table>"
    )
    frame = f"<table:table>{row('Only')}{row('lines')}</table:table>"
    parsed = text(tmp_path, table + frame)
    assert parsed.blocks[0].rows == (("City", "Rate"), ("Bern", "150"), ("Bern", "120"))
    assert parsed.blocks[0].header_rows == 1
    assert shape(parsed)[1:] == [("paragraph", 0, "Only"), ("paragraph", 0, "lines")]


def test_frames_captions_formulas_and_charts(tmp_path: Path) -> None:
    box = f"<draw:frame><draw:text-box>{p('Figure 1: the way', 'Figure')}</draw:text-box></draw:frame>"
    picture = "<draw:frame><draw:image/><svg:desc>{}</svg:desc></draw:frame>"
    objects = "".join(
        f'<draw:frame><draw:object xlink:href="./{name}"/></draw:frame>'
        for name in ("O1", "O2", "../O3")
    )
    body = p(
        f"before{box}{picture.format('The gate and the way to it')}{picture.format('a.png')}{objects}"
    )
    formula = "<math:annotation>a = b</math:annotation>"
    chart = (
        f"<office:body><office:chart><chart:chart><chart:title>{p('Costs')}</chart:title><table:table>"
        + f"{row('', 'Sum')}{row('2024', '7')}</table:table></chart:chart></office:chart></office:body>"
    )
    spaces = 'xmlns:math="http://www.w3.org/1998/Math/MathML"'
    more = {
        "O1/content.xml": f"<math:math {spaces}>{formula}</math:math>".encode(),
        "O2/content.xml": part("document-content", chart),
    }
    styles = style("Figure", parent="Caption")
    parsed = files.parse(package(tmp_path / "a.odt", "text", body, styles, more=more), ODT)
    assert shape(parsed) == [
        ("paragraph", 0, "before"),
        ("caption", 0, "Figure 1: the way"),
        ("caption", 0, "The gate and the way to it"),
        ("paragraph", 0, "a = b"),
        ("caption", 0, "Costs"),
        ("table", 0, "| Sum\n2024 | 7"),
    ]


def test_bold_lines_are_headings(tmp_path: Path) -> None:
    styles = style("B", fo__font_weight="bold")
    body = p("Who approves", "B") + p("The director does.") + p("Not this one.", "B")
    kinds = [block.kind for block in text(tmp_path, body, styles).blocks]
    assert kinds == ["heading", "paragraph", "paragraph"]


def test_headers_and_footers_that_say_something_are_read_once(tmp_path: Path) -> None:
    said = f"<style:header>{p('Internal use only please')}</style:header>"
    said += f"<style:footer>{p('Page')}</style:footer>"
    masters = f"<style:master-page>{said}</style:master-page>" * 2
    pages = f"<office:master-styles>{masters}</office:master-styles>"
    assert shape(text(tmp_path, p("x"), pages=pages)) == [
        ("paragraph", 0, "x"),
        ("note", 0, "Internal use only please"),
    ]


def test_metadata(tmp_path: Path) -> None:
    meta = (
        "<dc:title>Travel rules</dc:title><dc:creator>B. Last</dc:creator><dc:subject>trips</dc:subject>"
        "<meta:initial-creator>A. First</meta:initial-creator><meta:keyword>a</meta:keyword>"
        "<meta:keyword>b</meta:keyword><meta:creation-date>2024-05-06T07:08:09.123456789</meta:creation-date>"
        "<dc:date>yesterday</dc:date>"
    )
    parsed = text(tmp_path, p("x"), meta=meta)
    assert parsed.title == "Travel rules"
    assert parsed.metadata == {
        "author": "A. First",
        "subject": "trips",
        "keywords": "a, b",
        "created": "2024-05-06T07:08:09",
    }


def test_refusals(tmp_path: Path) -> None:
    def code(name: str, **members: bytes) -> str:
        target = files.repacked(
            source, tmp_path / name, {k.replace("__", "."): v for k, v in members.items()}
        )
        return files.code_of(files.parse, target, ODT)

    source = package(tmp_path / "a.odt", "text", p("x"))
    evil = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    assert code("b.odt", content__xml=evil) == "unsafe-file"
    assert code("c.odt", content__xml=evil.decode().encode("utf-16-be")) == "unsafe-file"
    assert code("d.odt", content__xml=b"<x") == "damaged"
    assert code("e.odt", content__xml=part("document-content", "")) == "damaged"
    deep = b"<a>" * 3_000 + b"</a>" * 3_000
    assert code("f.odt", content__xml=deep) == "nested-too-deep"
    manifest = {"META-INF/manifest.xml": b"<!DOCTYPE m><m:encryption-data/>"}
    locked = files.repacked(source, tmp_path / "g.odt", manifest)
    assert files.code_of(files.parse, locked, ODT) == "encrypted"
    empty = package(tmp_path / "h.odt", "text", p(""))
    assert files.code_of(files.parse, empty, ODT) == "no-text"


# --- sheets -----------------------------------------------------------------------------------------
def sheets(tmp_path: Path, body: str, styles: str = "", **limits: int) -> ParsedDocument:
    return files.parse(package(tmp_path / "a.ods", "spreadsheet", body, styles), ODS, **limits)


def table(name: str, *rows: str, style: str = "") -> str:
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">{"".join(rows)}</table:table>'
    )


def test_sheets_are_pages_and_hidden_ones_are_told(tmp_path: Path) -> None:
    hidden = (
        '<style:style style:name="H" style:family="table"><style:table-properties '
        'table:display="false"/></style:style>'
    )
    rates = (
        row("City", "Rate"),
        row("Bern", cell("150.00 CHF", "currency")),
        row("Lyon", cell("9", "float")),
    )
    away = table("'file:///tmp/x.ods'#$Rates", row("theirs", "x"))
    body = (
        table("Rates", *rates) + table("Secret", row("a", "b"), style="H") + away + table("Empty")
    )
    parsed = sheets(tmp_path, body, hidden)
    assert shape(parsed) == [
        ("heading", 1, "Rates"),
        ("table", 0, "City | Rate\nBern | 150.00 CHF\nLyon | 9"),
    ]
    assert parsed.blocks[1].header_rows == 1
    assert (parsed.pages, parsed.page_labels, parsed.blank) == (2, ("Rates", "Empty"), (2,))
    assert parsed.warnings == (Notice("sheets-hidden", 1, 3, "Secret"),)


def test_repeats_are_bounded(tmp_path: Path) -> None:
    endless = row(cell("x", number_columns_repeated="999999"), number_rows_repeated="9999999")
    rest = row(cell("", number_columns_repeated="16384"), number_rows_repeated="1048576")
    parsed = sheets(tmp_path, table("A", row("a", "b"), endless, rest), max_cells=20_000)
    assert sum(len(block.rows) for block in parsed.blocks) < 50
    assert [notice.code for notice in parsed.warnings] == ["sheet-cut"]
    spaced = row("far", "away", number_rows_repeated="1")
    gap = row(cell("", number_columns_repeated="16384"), number_rows_repeated="1000000")
    assert sheets(tmp_path, table("A", row("near", "by"), gap, spaced)).text.endswith("far | away")


def test_hidden_rows_and_columns_are_told_and_filtered_ones_read(tmp_path: Path) -> None:
    columns = '<table:table-column/><table:table-column/><table:table-column table:visibility="collapse"/>'
    body = table(
        "A",
        columns,
        row("City", "Rate", "secret"),
        row("Bern", "1"),
        row("Lyon", "2", visibility="collapse"),
        row("Rome", "3", visibility="filter"),
    )
    parsed = sheets(tmp_path, body)
    assert parsed.text.endswith("City | Rate\nBern | 1\nRome | 3")
    assert [(notice.code, notice.count) for notice in parsed.warnings] == [("rows-hidden", 2)]


def test_merged_cells_remarks_and_tables_in_tables(tmp_path: Path) -> None:
    remark = f"<office:annotation><dc:creator>A</dc:creator>{p('why?')}</office:annotation>"
    remark = f"<table:table-cell>{remark}{p('Bern')}</table:table-cell>"
    inner = f"<table:table-cell>{table('in it', row('no', 'sheet'))}{p('7')}</table:table-cell>"
    body = table(
        "Named",
        row(cell("Both", number_columns_spanned="2"), "<table:covered-table-cell/>"),
        row("City", "Rate"),
        row(remark, inner),
        row("Lyon", cell("8", "float")),
    )
    parsed = sheets(tmp_path, body)
    assert "Bern | 7" in parsed.text and "no | sheet" not in parsed.text
    assert parsed.blocks[-1].kind == "note" and parsed.blocks[-1].text.endswith("why?")
    assert parsed.pages == 1


def test_no_sheets(tmp_path: Path) -> None:
    assert files.code_of(sheets, tmp_path, table("A")) == "no-text"
    assert files.code_of(files.parse, package(tmp_path / "b.ods", "text", p("x")), ODS) == "no-text"


# --- presentations ----------------------------------------------------------------------------------
def frame(text: str, *, kind: str = "", x: int = 1, y: int = 1) -> str:
    return (
        f'<draw:frame presentation:class="{kind}" svg:x="{x}cm" svg:y="{y}cm"><draw:text-box>{p(text)}'
        "</draw:text-box></draw:frame>"
    )


def test_slides_are_pages_with_titles_and_notes(tmp_path: Path) -> None:
    hidden = (
        '<style:style style:name="H" style:family="drawing-page"><style:drawing-page-properties '
        'presentation:visibility="hidden"/></style:style>'
    )
    notes = frame("Say why.", kind="notes") + frame("9", kind="page-number")
    notes = f"<presentation:notes>{notes}</presentation:notes>"
    group = f"<draw:g>{frame('grouped right', x=9, y=7)}{frame('grouped left', y=7)}</draw:g>"
    grid = f"<table:table>{row('City', 'Rate')}{row('Bern', '1')}</table:table>"
    grid = f"<draw:frame>{grid}<draw:image/></draw:frame>"
    first = frame("right", x=9) + frame("Footer", kind="footer") + group + frame("left", x=2)
    first += frame("Travel", kind="title") + notes
    body = (
        f"<draw:page>{first}</draw:page><draw:page/>"
        f'<draw:page draw:style-name="H">{grid}'
        f"<draw:custom-shape>{p('shape')}</draw:custom-shape></draw:page>"
    )
    parsed = files.parse(package(tmp_path / "a.odp", "presentation", body, hidden), ODP)
    assert [(b.page, b.kind, b.text) for b in parsed.blocks] == [
        (1, "heading", "Travel"),
        (1, "paragraph", "left"),
        (1, "paragraph", "right"),
        (1, "paragraph", "grouped left"),
        (1, "paragraph", "grouped right"),
        (1, "note", "Say why."),
        (3, "table", "City | Rate\nBern | 1"),
        (3, "paragraph", "shape"),
    ]
    assert (parsed.title, parsed.pages, parsed.blank) == ("Travel", 3, (2,))
    assert parsed.warnings == (Notice("hidden-slides", 1, 3, "3"),)


def test_too_many_slides(tmp_path: Path) -> None:
    source = package(tmp_path / "a.odp", "presentation", "<draw:page/>" * 3)
    assert files.code_of(files.parse, source, ODP, max_pages=2) == "too-many-pages"


# --- all --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("media_type", "kind", "body"),
    [
        (ODT, "text", p("Read")),
        (ODS, "spreadsheet", table("A", row("Read"))),
        (ODP, "presentation", f"<draw:page>{frame('Read')}</draw:page>"),
    ],
)
def test_in_the_sandbox(tmp_path: Path, media_type: str, kind: str, body: str) -> None:
    assert files.isolated(package(tmp_path / "a", kind, body), media_type).text.endswith("Read")


_NAMES = [
    "text:p", "text:h", "text:list", "text:list-item", "text:span", "text:note", "text:note-body",
    "table:table", "table:table-row", "table:table-cell", "table:covered-table-cell", "draw:frame",
    "draw:text-box", "draw:g", "draw:page", "draw:custom-shape", "office:annotation",
]  # fmt: skip
_TREES = st.recursive(
    st.text("ab\n", max_size=3),
    lambda inner: st.builds(
        lambda name, parts, number: (
            f'<{name} text:outline-level="{number}" table:number-rows-spanned="{number}"'
            f' table:number-columns-repeated="{number}">{"".join(parts)}</{name}>'
        ),
        st.sampled_from(_NAMES),
        st.lists(inner, max_size=4),
        st.sampled_from(["", "0", "2", "-1", "99", "x"]),
    ),
    max_leaves=20,
)


@given(_TREES)
def test_any_markup_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for media_type, kind in ((ODT, "text"), (ODS, "spreadsheet"), (ODP, "presentation")):
        source = package(folder / "any", kind, body)
        try:
            files.parse(source, media_type)
        except ParseError as error:
            assert error.code in ("no-text", "damaged", "nested-too-deep")
