"""Which font has which character, for PDF: our own first, then what lies on this machine.

Vera (Latin) comes with reportlab and goes into the file. Chinese, Japanese and Korean are set in fonts
that every reader of PDF brings. For other scripts a font is looked for in SOVEREIGN_FONTS_DIR.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

log = structlog.get_logger(__name__)

REGULAR, BOLD = "Answer", "Answer-Bold"
#: Stands for a character that no font here has; Vera has no better sign.
MISSING = "◊"
_OWN = {REGULAR: "Vera.ttf", BOLD: "VeraBd.ttf"}
#: Plain faces of the usual collections, by the beginning of their files' names.
_WANTED = re.compile(
    r"(DejaVuSans|LiberationSans-Regular|FreeSans|Arimo-Regular|NotoSans\w*-Regular|NotoNaskhArabic-Regular)$"
)
_MOST_FILES = 60
#: Scripts whose letters move and merge as no font alone can say: not drawn at all, rather than wrong.
_UNDRAWN = re.compile("[\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff]")
_JAPANESE, _KOREAN, _CHINESE = "HeiseiKakuGo-W5", "HYGothic-Medium", "STSong-Light"
_KANA, _HANGUL = (
    re.compile("[\u3040-\u30ff]"),
    re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
)
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def runs(text: str, *, bold: bool = False) -> Iterator[tuple[str, str]]:
    """`text` in pieces, each with the name of a font that has it; MISSING where there is none."""
    _own()
    asian = _asian(text)
    named = [_face(char, asian, bold) for char in text]
    for name, group in groupby(zip(named, text, strict=True), key=lambda pair: pair[0]):
        piece = "".join(char for _name, char in group)
        yield (name, piece) if name else (BOLD if bold else REGULAR, MISSING * len(piece))


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide `text` is drawn, in points."""
    return float(
        sum(pdfmetrics.stringWidth(piece, name, size) for name, piece in runs(text, bold=bold))
    )


def _face(char: str, asian: str, bold: bool) -> str:
    if _WIDE.match(char):
        return _asian_font(asian)
    if char.isspace():
        return BOLD if bold else REGULAR
    if _UNDRAWN.match(char):
        return ""
    own = BOLD if bold else REGULAR
    if ord(char) in _letters(own):
        return own
    return next((name for name in _others() if ord(char) in _letters(name)), "")


def _asian(text: str) -> str:
    """Han characters look different in three countries: the letters beside them say in which we are."""
    if _KANA.search(text):
        return _JAPANESE
    return _KOREAN if _HANGUL.search(text) else _CHINESE


@cache
def _asian_font(name: str) -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


@cache
def _own() -> None:
    for name, file in _OWN.items():
        pdfmetrics.registerFont(TTFont(name, file))


@cache
def _letters(name: str) -> Any:
    """The characters of a font, by code."""
    return pdfmetrics.getFont(name).face.charToGlyph


@cache
def _others() -> tuple[str, ...]:
    """Fonts of this machine, read once: the registered names."""
    found = []
    for path in sorted(_files(), key=lambda path: path.name)[:_MOST_FILES]:
        try:
            pdfmetrics.registerFont(TTFont(f"Machine-{path.stem}", str(path)))
        except (TTFError, OSError, ValueError) as error:
            log.warning("font_not_read", font=path.stem, error=type(error).__name__)
            continue
        found.append(f"Machine-{path.stem}")
    return tuple(found)


def _files() -> list[Path]:
    folder = settings.FONTS_DIR
    if not folder:
        return []
    return [path for path in Path(folder).rglob("*.ttf") if _WANTED.match(path.stem)]
