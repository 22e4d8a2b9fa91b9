"""Real files, made where a test needs them."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.frames import Told
from ingest.parsers.registry import parser_for
from ingest.parsers.sandbox import parse_isolated

BODY = (
    "Employees receive thirty days of annual leave in each calendar year.",
    "Requests go to the supervisor at least two weeks before the first day.",
)


def pdf(
    path: Path, pages: int = 1, *, password: str = "", owner: str = "", blank: tuple[int, ...] = ()
) -> Path:
    """Pages with a running title, a heading, a paragraph of two lines and a page number."""
    lock = (
        StandardEncryption(password, ownerPassword=owner, canPrint=1) if password or owner else None
    )
    canvas = Canvas(str(path), pagesize=A4, encrypt=lock)
    for number in range(1, pages + 1):
        if number not in blank:
            canvas.setFont("Helvetica", 9)
            canvas.drawString(72, 810, "Example Works Handbook")
            canvas.drawString(290, 30, f"Page {number} of {pages}")
            canvas.setFont("Helvetica-Bold", 16)
            canvas.drawString(72, 740, f"Chapter {number}: Leave")
            canvas.setFont("Helvetica", 11)
            for index, line in enumerate(BODY):
                canvas.drawString(72, 710 - 14 * index, line)
        canvas.showPage()
    canvas.save()
    return path


def pdf_lines(path: Path, lines: Sequence[tuple[float, float, str]], size: float = 11) -> Path:
    """One page with each text at (x, y)."""
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setFont("Helvetica", size)
    for x, y, text in lines:
        canvas.drawString(x, y, text)
    canvas.save()
    return path


def word(path: Path) -> Path:
    """Headings, a list, a table with a header row, and a header that is no content."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Running header"
    document.add_heading("Travel", level=1)
    document.add_paragraph("Book early.")
    document.add_heading("Hotels", level=2)
    document.add_paragraph("Ask for:", style="List Bullet")
    document.add_paragraph("a receipt", style="List Bullet 2")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(
        table.rows, [("City", "Rate"), ("Bern", "150"), ("Lyon", "120")], strict=True
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.paragraphs[0].add_run(text).bold = cells[0] == "City"
    document.add_paragraph("After the table.")
    document.save(str(path))
    return path


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return path


def repacked(source: Path, target: Path, changes: dict[str, bytes]) -> Path:
    """A copy of a ZIP file with some members replaced."""
    with zipfile.ZipFile(source) as file:
        members = {name: file.read(name) for name in file.namelist()}
    return archive(target, members | changes)


def parse(path: Path, media_type: str, **limits: Any) -> ParsedDocument:
    """Parse in this process; the offsets of every block are checked."""
    parsed = parser_for(media_type).parse(path, Limits(**limits))
    for block in parsed.blocks:
        assert parsed.text[block.start : block.end] == block.text
        assert block.text.strip() == block.text != ""
    return parsed


def isolated(path: Path | int, media_type: str, **bounds: Any) -> ParsedDocument:
    limits = bounds.pop("limits", Limits())
    told = Told(bounds.pop("on_progress", None), bounds.pop("on_refused", None))
    bounds = {"cpu_seconds": 30, "wall_seconds": 60, "memory_mb": 1024} | bounds
    return parse_isolated(path, media_type, limits, told=told, **bounds)


def document(*blocks: tuple[Any, ...]) -> ParsedDocument:
    """A document of (kind, text) or (kind, text, options)."""
    writer = BlockWriter(Limits())
    for kind, text, *options in blocks:
        writer.add(kind, text, **(options[0] if options else {}))
    return writer.document()


def code_of(call: Any, *arguments: Any, **options: Any) -> str:
    """The code of the ParseError that `call` raises; fails if it raises none."""
    try:
        call(*arguments, **options)
    except ParseError as error:
        assert error.detail.endswith("."), "a detail is a sentence"
        return error.code
    raise AssertionError("no ParseError")


def zipped(members: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for index in range(members):
            out.writestr(f"m{index}", b"")
    return buffer.getvalue()
