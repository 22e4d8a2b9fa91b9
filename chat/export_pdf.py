"""A conversation as PDF: A4, pages numbered, fonts inside the file, nothing in it that loads or runs."""

import io
from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

from chat import bidi, fonts
from chat.paper import Listed, Paper, Sentence, Turn, legend

_MARGIN = 20 * mm
#: Text is set within the frame's own padding of 6 points on both sides.
_WIDTH = A4[0] - 2 * _MARGIN - 12
_GREY, _WARN = "#5a6270", "#9a4a00"


def as_pdf(paper: Paper) -> bytes:
    """The file. Characters that no font on this machine has are lozenges, and its end says so."""
    story = list(_story(paper))
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=paper.title,
        author="Sovereign",
        # The same conversation gives the same bytes: no time of its making.
        invariant=1,
    )
    document.build(story, onFirstPage=_footer, onLaterPages=_footer)
    return out.getvalue()


def _story(paper: Paper) -> Iterator[Any]:
    yield from _set(paper.title, 17, bold=True)
    for turn in paper.turns:
        yield from _turn(turn)
    yield Spacer(1, 6 * mm)
    yield from _set(legend(), 8, colour=_GREY)
    if _lacking(paper):
        note = _(
            "◊ stands for letters of which this machine has no font. "
            "The Word file of this conversation has them."
        )
        yield from _set(note, 8, colour=_WARN)


def _turn(turn: Turn) -> Iterator[Any]:
    yield Spacer(1, 5 * mm)
    yield from _set(turn.question, 12, bold=True)
    said = date_format(localtime(turn.at), "DATETIME_FORMAT")
    yield from _set(" · ".join(filter(None, [said, turn.model])), 8, colour=_GREY)
    for paragraph in turn.paragraphs:
        yield from _answer(paragraph)
    if turn.note:
        yield from _set(turn.note, 10, colour=_WARN)
    if turn.conflicts:
        yield from _set(_("The documents disagree"), 9, bold=True, colour=_WARN)
    for each in turn.conflicts:
        for statement in each.statements:
            yield from _set(f"– {statement}", 9)
        yield from _set(each.why, 8.5, colour=_GREY)
    if turn.sources:
        yield from _set(_("Sources"), 9, bold=True)
        for source in turn.sources:
            yield from _source(source)


def _answer(sentences: Iterable[Sentence]) -> Iterator[Paragraph]:
    pieces: list[tuple[str, str]] = []
    for sentence in sentences:
        pieces.append((sentence.text, ""))
        pieces.append((sentence.written() + " ", _WARN if sentence.support == "none" else _GREY))
    text = "".join(said for said, _colour in pieces)
    if bidi.right_to_left(text):
        yield from _set(text, 10)
        return
    markup = "".join(_coloured(_markup(said), colour) for said, colour in pieces)
    yield Paragraph(markup, _style(10))


def _source(source: Listed) -> Iterator[Paragraph]:
    yield from _set(f"[{source.n}] {source.written()}", 8.5)


def _set(
    text: str, size: float, *, bold: bool = False, colour: str = "#000000"
) -> Iterator[Paragraph]:
    """Paragraphs of plain text, one for each of its lines."""
    for line in text.split("\n"):
        if not bidi.right_to_left(line):
            yield Paragraph(_markup(line, bold=bold) or "&nbsp;", _style(size, colour))
            continue
        right = bidi.begins_right(line)
        for drawn in _broken(line, size, bold=bold):
            markup = _markup(bidi.drawn(drawn, right=right), bold=bold)
            yield Paragraph(markup, _style(size, colour, right=right))


def _broken(line: str, size: float, *, bold: bool) -> Iterator[str]:
    """A line in pieces that fit the page: what runs both ways is broken before it is turned."""
    kept = ""
    for word in line.split():
        longer = f"{kept} {word}".strip()
        if kept and fonts.width(bidi.joined(longer), size, bold=bold) > _WIDTH - 4:
            yield kept
            longer = word
        kept = longer
    yield kept


def _markup(text: str, *, bold: bool = False) -> str:
    """Text as reportlab's markup, with nothing in it but text and our fonts' names."""
    return "".join(
        f'<font name="{name}">{escape(piece)}</font>' for name, piece in fonts.runs(text, bold=bold)
    )


def _coloured(markup: str, colour: str) -> str:
    return f'<font color="{colour}">{markup}</font>' if colour else markup


def _style(size: float, colour: str = "#000000", *, right: bool = False) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}{colour}{right}",
        fontName=fonts.REGULAR,
        fontSize=size,
        leading=size * 1.4,
        textColor=colors.HexColor(colour),
        spaceAfter=size * 0.35,
        # A word without a space in it, as in Japanese, is broken where the line ends.
        splitLongWords=1,
        **({"alignment": TA_RIGHT} if right else {}),
    )


def _lacking(paper: Paper) -> bool:
    """Whether a letter of the file was replaced by a lozenge."""
    said = [paper.title]
    for turn in paper.turns:
        said.append(turn.question)
        said += [sentence.text for paragraph in turn.paragraphs for sentence in paragraph]
        said += [source.written() for source in turn.sources]
        said += [told for each in turn.conflicts for told in (*each.statements, each.why)]
    whole = "".join(said)
    drawn = "".join(piece for _name, piece in fonts.runs(bidi.joined(whole)))
    return drawn.count(fonts.MISSING) > whole.count(fonts.MISSING)


def _footer(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(fonts.REGULAR, 7)
    canvas.setFillColor(colors.HexColor(_GREY))
    page = _("Page %(page)d") % {"page": document.page}
    canvas.drawRightString(A4[0] - _MARGIN - 6, 12 * mm, page)
    canvas.restoreState()
