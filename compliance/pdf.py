"""A report as PDF, for paper: A4, pages numbered, the key's fingerprint on each, fonts inside the file.

The JSON file is the evidence; the paper names its SHA-256. In the language that is active.
"""

import io
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from compliance import pdf_parts
from compliance.pdf_parts import Section

#: Bitstream Vera comes with reportlab and may be put into files; it has German and French letters.
_FONTS = {"Sovereign": "Vera.ttf", "Sovereign-Bold": "VeraBd.ttf"}
_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_GREY, _RED = colors.HexColor("#5a6270"), colors.HexColor("#a3161f")


def render(report: dict[str, Any], mark: str, sha256: str) -> bytes:
    """The PDF of what a report says. `mark` is the key's fingerprint, `sha256` that of the JSON file."""
    _fonts()
    pages = _build(report, mark, sha256, total=0)[1]
    return _build(report, mark, sha256, total=pages)[0]


def _build(report: dict[str, Any], mark: str, sha256: str, total: int) -> tuple[bytes, int]:
    """The file and how many pages it has. Built twice, so that each page can name the last."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=24 * mm,
        title=_("Report %(number)d") % {"number": report["number"]},
        author="Sovereign",
        # The same report gives the same bytes: no time of its making.
        invariant=1,
    )
    footer = partial(_footer, mark, total)
    document.build(list(_story(report, sha256)), onFirstPage=footer, onLaterPages=footer)
    return out.getvalue(), int(document.page)


def _story(report: dict[str, Any], sha256: str) -> Iterable[Any]:
    yield Paragraph(escape(_("Report %(number)d") % {"number": report["number"]}), _style(18, True))
    yield _text(_("Made on %(at)s.") % {"at": report["made_at"]})
    yield _text(_("SHA-256 of the file: %(sha256)s") % {"sha256": sha256})
    yield _text(
        _("Check the file, not the paper: python verify_report.py FILE --key FINGERPRINT"),
        colour=_GREY,
    )
    for section in pdf_parts.sections(report):
        yield from _section(section)


def _section(section: Section) -> Iterable[Any]:
    yield Spacer(1, 5 * mm)
    yield Paragraph(escape(section.title), _style(12, True))
    for line in section.lines:
        yield _text(line)
    for line in section.alarms:
        yield _text(line, colour=_RED)
    if section.rows:
        yield Spacer(1, 1.5 * mm)
        yield _table(section.head, section.rows, section.widths)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Table:
    small = _style(7.5)
    cells = [[Paragraph(escape(text), _style(7.5, True)) for text in head]]
    cells += [[Paragraph(escape(text), small) for text in row] for row in rows]
    table = Table(
        cells,
        colWidths=[_WIDTH * width / sum(widths) for width in widths],
        repeatRows=1,
        hAlign="LEFT",
    )
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#c8cdd5")),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def _text(text: str, colour: Any = colors.black) -> Paragraph:
    return Paragraph(escape(text), _style(9, colour=colour))


def _style(size: float, bold: bool = False, colour: Any = colors.black) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}{bold}{colour}",
        fontName="Sovereign-Bold" if bold else "Sovereign",
        fontSize=size,
        leading=size * 1.35,
        textColor=colour,
        spaceAfter=size * 0.25,
    )


def _footer(mark: str, total: int, canvas: Any, document: Any) -> None:
    figures = {"page": document.page, "total": total}
    canvas.saveState()
    canvas.setFont("Sovereign", 7)
    canvas.setFillColor(_GREY)
    canvas.drawString(_MARGIN + 6, 12 * mm, _("Key: %(mark)s") % {"mark": mark})
    page = _("Page %(page)d of %(total)d") % figures
    canvas.drawRightString(A4[0] - _MARGIN - 6, 12 * mm, page)
    canvas.restoreState()


def _fonts() -> None:
    for name, file in _FONTS.items():
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, file))
