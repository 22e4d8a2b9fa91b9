"""Write the office files of the sample handbook: PDF and DOCX from samples/sources/*.md, XLSX and PPTX
from office.py.

    python samples/build.py [--out FOLDER]

The same sources give the same bytes, so that a rebuilt handbook is not a changed one: PDFs carry no
time and a fixed id, DOCX archives carry fixed times. HTML, Markdown and text files of the handbook
are written by hand and stay as they are.
"""

import argparse
import datetime
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from markdown_it import MarkdownIt
from markdown_it.token import Token
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, StyleSheet1
from reportlab.lib.units import mm
from reportlab.platypus import ListFlowable, Paragraph, SimpleDocTemplate, Spacer, Table

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import office  # noqa: E402

COMPANY = "Nordwind Instruments"
WRITTEN = datetime.datetime(2026, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)
ZIP_TIME = (2026, 1, 1, 12, 0, 0)
BLUE = colors.HexColor("#1f4e79")


@dataclass(frozen=True)
class Span:
    text: str
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True)
class Part:
    """A heading (level 1-3), paragraph, list (items) or table (rows, the first is the header)."""

    kind: str
    spans: tuple[Span, ...] = ()
    level: int = 0
    items: tuple[tuple[Span, ...], ...] = ()
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()


@dataclass(frozen=True)
class Source:
    out: str
    title: str
    language: str
    parts: tuple[Part, ...]


def read_source(path: Path) -> Source:
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    meta = dict(line.split(": ", 1) for line in head.splitlines())
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return Source(meta["out"], meta["title"], meta["language"], tuple(parts(tokens)))


def parts(tokens: list[Token]) -> Iterator[Part]:
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = closing(tokens, position)
        inner = tokens[position + 1 : end]
        if token.type == "heading_open":
            yield Part("heading", spans(inner[0]), level=int(token.tag[1]))
        elif token.type == "paragraph_open":
            yield Part("paragraph", spans(inner[0]))
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            kind = "bullets" if token.type.startswith("bullet") else "numbers"
            yield Part(kind, items=tuple(spans(t) for t in inner if t.type == "inline"))
        elif token.type == "table_open":
            yield Part("table", rows=tuple(table_rows(inner)))
        position = end + 1


def closing(tokens: list[Token], start: int) -> int:
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    raise ValueError("a block is not closed")


def table_rows(tokens: list[Token]) -> Iterator[tuple[tuple[Span, ...], ...]]:
    row: list[tuple[Span, ...]] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(spans(token))
        elif token.type == "tr_close":
            yield tuple(row)


def spans(inline: Token) -> tuple[Span, ...]:
    found: list[Span] = []
    bold = italic = False
    for token in inline.children or []:
        if token.type in {"strong_open", "strong_close"}:
            bold = token.nesting > 0
        elif token.type in {"em_open", "em_close"}:
            italic = token.nesting > 0
        elif token.type in {"text", "softbreak"}:
            found.append(Span(token.content or " ", bold, italic))
    return tuple(found)


# --- PDF ---------------------------------------------------------------------------------------


def styles() -> StyleSheet1:
    sheet = StyleSheet1()
    base = ParagraphStyle("text", fontName="Helvetica", fontSize=10, leading=14, spaceAfter=6)
    sheet.add(base)
    sheet.add(ParagraphStyle("cell", base, fontSize=9, leading=11.5, spaceAfter=0))
    for level, size in ((1, 20), (2, 13.5), (3, 11.5)):
        sheet.add(
            ParagraphStyle(
                f"heading{level}",
                base,
                fontName="Helvetica-Bold",
                fontSize=size,
                leading=size * 1.25,
                spaceBefore=0 if level == 1 else 10,
                spaceAfter=6,
                textColor=BLUE,
                keepWithNext=1,
            )
        )
    return sheet


def markup(text: tuple[Span, ...]) -> str:
    def one(span: Span) -> str:
        out = escape(span.text, quote=False)
        out = f"<i>{out}</i>" if span.italic else out
        return f"<b>{out}</b>" if span.bold else out

    return "".join(one(span) for span in text)


def pdf_table(part: Part, sheet: StyleSheet1, width: float) -> Table:
    head = [Paragraph(f"<b>{markup(cell)}</b>", sheet["cell"]) for cell in part.rows[0]]
    body = [[Paragraph(markup(cell), sheet["cell"]) for cell in row] for row in part.rows[1:]]
    longest = [
        max(sum(len(span.text) for span in row[column]) for row in part.rows)
        for column in range(len(head))
    ]
    weights = [min(max(length, 8), 40) for length in longest]
    widths = [width * weight / sum(weights) for weight in weights]
    table = Table([head, *body], colWidths=widths, repeatRows=1, hAlign="LEFT", spaceAfter=8)
    table.setStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#9aa7b4")),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8eef4")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    return table


def flowables(source: Source, width: float) -> Iterator[object]:
    sheet = styles()
    for part in source.parts:
        if part.kind == "heading":
            yield Paragraph(markup(part.spans), sheet[f"heading{part.level}"])
        elif part.kind == "paragraph":
            yield Paragraph(markup(part.spans), sheet["text"])
        elif part.kind == "table":
            yield pdf_table(part, sheet, width)
            yield Spacer(1, 4)
        else:
            bullet = "bullet" if part.kind == "bullets" else "1"
            items = [Paragraph(markup(item), sheet["text"]) for item in part.items]
            start = "\u2022" if bullet == "bullet" else None
            yield ListFlowable(
                items, bulletType=bullet, start=start, leftIndent=14, bulletFontSize=9
            )


def write_pdf(source: Source) -> bytes:
    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        title=source.title,
        author=COMPANY,
        lang=source.language,
        invariant=1,
    )

    def footer(canvas: object, document: object) -> None:
        canvas.setFont("Helvetica", 8)  # type: ignore[attr-defined]
        canvas.drawString(22 * mm, 11 * mm, f"{COMPANY} \u00b7 {source.title}")  # type: ignore[attr-defined]
        canvas.drawRightString(A4[0] - 22 * mm, 11 * mm, str(document.page))  # type: ignore[attr-defined]

    template.build(list(flowables(source, template.width)), onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


# --- DOCX --------------------------------------------------------------------------------------


def fill(paragraph: object, text: tuple[Span, ...], *, bold: bool = False) -> None:
    for span in text:
        run = paragraph.add_run(span.text)  # type: ignore[attr-defined]
        run.bold = span.bold or bold or None
        run.italic = span.italic or None


def repeat_header(row: object) -> None:
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)  # type: ignore[attr-defined]


def docx_table(document: object, part: Part) -> None:
    table = document.add_table(rows=0, cols=len(part.rows[0]), style="Table Grid")  # type: ignore[attr-defined]
    for number, cells in enumerate(part.rows):
        row = table.add_row()
        for cell, text in zip(row.cells, cells, strict=True):
            fill(cell.paragraphs[0], text, bold=number == 0)
        if number == 0:
            repeat_header(row)
    document.add_paragraph()  # type: ignore[attr-defined]


def write_docx(source: Source) -> bytes:
    document = Document()
    for style in document.styles:
        if style.type == WD_STYLE_TYPE.PARAGRAPH and style.name == "Normal":
            style.font.name, style.font.size = "Calibri", Pt(11)
    properties = document.core_properties
    properties.title, properties.author, properties.language = (
        source.title,
        COMPANY,
        source.language,
    )
    properties.created = properties.modified = WRITTEN
    properties.last_modified_by, properties.comments = COMPANY, ""
    document.sections[0].footer.paragraphs[0].text = f"{COMPANY} \u00b7 {source.title}"
    for part in source.parts:
        if part.kind == "heading":
            fill(document.add_heading(level=part.level), part.spans)
        elif part.kind == "paragraph":
            fill(document.add_paragraph(), part.spans)
        elif part.kind == "table":
            docx_table(document, part)
        else:
            style_name = "List Bullet" if part.kind == "bullets" else "List Number"
            for item in part.items:
                fill(document.add_paragraph(style=style_name), item)
    buffer = io.BytesIO()
    document.save(buffer)
    return without_times(buffer.getvalue())


def without_times(archive: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(info, old.read(name))
    return buffer.getvalue()


def build(out: Path) -> list[Path]:
    written = []
    for path in sorted((HERE / "sources").glob("*.md")):
        source = read_source(path)
        target = out / source.out
        target.parent.mkdir(parents=True, exist_ok=True)
        write = {".pdf": write_pdf, ".docx": write_docx}[target.suffix]
        target.write_bytes(write(source))
        written.append(target)
    for name, made in (
        ("products/test-benches.xlsx", office.sheet(WRITTEN)),
        ("people/first-day-service.pptx", office.slides(WRITTEN)),
    ):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(without_times(made))
        written.append(out / name)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "handbook")
    for target in build(parser.parse_args().out):
        sys.stdout.write(f"{target}\n")
