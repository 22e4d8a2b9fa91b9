"""Makes text fit to be stored, shown and compared, without changing what a person reads."""

import re
import unicodedata

# Dropped: controls, soft hyphen, zero-width space and BOM, and the bidirectional overrides, which
# show a text in another order than the one a model reads; tags and other letters that nothing shows,
# but a model reads. ZWJ and ZWNJ stay where scripts need them: see _UNSEEN.
_DROPPED = [
    *range(0x09),
    *range(0x0E, 0x20),
    *range(0x7F, 0x85),
    *range(0x86, 0xA0),
    0xAD,
    0x034F,
    0x061C,
    0x180E,
    0x200B,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    0xFFFE,
    0xFFFF,
    *range(0xD800, 0xE000),
    *range(0xE0000, 0xE0100),
]
_TABLE: dict[int, str | None] = dict.fromkeys(_DROPPED)
_TABLE |= dict.fromkeys([0x0B, 0x0C, 0x85, 0x2028, 0x2029], "\n")
_TABLE |= dict.fromkeys([0xA0, 0x202F, 0x2007, *range(0x2000, 0x2007), *range(0x2008, 0x200B)], " ")
_TABLE |= dict.fromkeys([0x2800, 0x3164, 0xFFA0], " ")

_ASCII_NOISE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: Marks on one letter. Sorting them takes the square of their number; no language has more than a few.
MAX_MARKS = 30
_CROWD = re.compile(rf"[^\w\s\x00-\u02ff]{{{MAX_MARKS + 1},}}")
# Joiners beside Latin letters, and variation selectors that select nothing: one behind a
# letter is a form of it, a row of them is a message.
_UNSEEN = re.compile(
    "(?<=[\x00-\u02ff])[\u200c\u200d]+|[\u200c\u200d]+(?=[\x00-\u02ff])"
    "|(?<=[\u200c\u200d])[\u200c\u200d]+|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"
    "|(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]+"
)
_SPACES = re.compile(r"[ \t]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{2,}")


def clean(text: str) -> str:
    """NFC, one kind of line end and space, no lone surrogates, nothing that is read but not seen."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.translate(_TABLE) if _ASCII_NOISE.search(text) else text
    return unicodedata.normalize("NFC", _CROWD.sub(_thinned, _seen(text)))


def seen(text: str, *, part: bool = False) -> str:
    """`text` without the characters that a model reads and a person does not see.

    `part`: it goes on, so its joiners and selectors belong to letters that are not here; they stay.
    """
    if text.isascii() and not _ASCII_NOISE.search(text):
        return text
    return text.translate(_TABLE) if part else _seen(text)


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text.translate(_TABLE))


def _thinned(crowd: re.Match[str]) -> str:
    kept, marks = [], 0
    for letter in crowd[0]:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= MAX_MARKS:
            kept.append(letter)
    return "".join(kept)


def one_line(text: str) -> str:
    """Cleaned, on one line, single spaces."""
    return " ".join(clean(text).split())


def lines(text: str) -> str:
    """Cleaned, line breaks kept, runs of spaces and of blank lines made one."""
    text = _SPACES.sub(" ", clean(text))
    return _BLANK_LINES.sub("\n", _AROUND_BREAK.sub("\n", text)).strip()


def table_text(rows: tuple[tuple[str, ...], ...]) -> str:
    """Rows as lines, cells joined by " | ": one line a row, since cells are on one line."""
    return "\n".join(" | ".join(row).strip() for row in rows)


def filled(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows of equal width on one line a cell, without rows and columns that hold nothing."""
    width = max((len(row) for row in rows), default=0)
    cells = [[one_line(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    cells = [row for row in cells if any(row)]
    kept = [index for index in range(width) if any(row[index] for row in cells)]
    return tuple(tuple(row[index] for index in kept) for row in cells)
