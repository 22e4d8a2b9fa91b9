"""A conversation as a Word file: text alone, no field, link or template that could load anything."""

import io
from collections.abc import Iterable
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from docx import Document
from docx.oxml import OxmlElement
from docx.shared import Pt, RGBColor

from chat import bidi
from chat.paper import Paper, Sentence, Turn, legend

_GREY, _WARN = RGBColor(0x5A, 0x62, 0x70), RGBColor(0x9A, 0x4A, 0x00)


def as_docx(paper: Paper) -> bytes:
    document = Document()
    about = document.core_properties
    about.title, about.author, about.comments = paper.title[:255], "Sovereign", ""
    _add(document, paper.title, style="Title")
    for turn in paper.turns:
        _turn(document, turn)
    _add(document, legend(), colour=_GREY, size=8)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _turn(document: Any, turn: Turn) -> None:
    _add(document, turn.question, style="Heading 1")
    said = date_format(localtime(turn.at), "DATETIME_FORMAT")
    _add(document, " · ".join(filter(None, [said, turn.model])), colour=_GREY, size=8)
    for paragraph in turn.paragraphs:
        _answer(document, paragraph)
    if turn.note:
        _add(document, turn.note, colour=_WARN)
    if turn.conflicts:
        _add(document, _("The documents disagree"), style="Heading 2")
    for each in turn.conflicts:
        for statement in each.statements:
            _add(document, statement, style="List Bullet")
        _add(document, each.why, colour=_GREY, size=9)
    if turn.sources:
        _add(document, _("Sources"), style="Heading 2")
    for source in turn.sources:
        _add(document, f"[{source.n}] {source.written()}", size=9)


def _answer(document: Any, sentences: Iterable[Sentence]) -> None:
    pieces: list[tuple[str, RGBColor | None]] = []
    for sentence in sentences:
        pieces.append((sentence.text, None))
        pieces.append((sentence.written() + " ", _WARN if sentence.support == "none" else _GREY))
    _runs(document.add_paragraph(), pieces)


def _add(
    document: Any,
    text: str,
    *,
    style: str | None = None,
    colour: RGBColor | None = None,
    size: float = 0,
) -> None:
    _runs(document.add_paragraph(style=style), [(text, colour)], size)


def _runs(paragraph: Any, pieces: list[tuple[str, RGBColor | None]], size: float = 0) -> None:
    right = bidi.begins_right("".join(text for text, _colour in pieces))
    if right:
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
    for text, colour in pieces:
        run = paragraph.add_run(text)
        run.font.rtl = right or None
        if colour is not None:
            run.font.color.rgb = colour
        if size:
            run.font.size = Pt(size)
