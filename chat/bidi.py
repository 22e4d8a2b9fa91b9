"""Lines of Arabic and Hebrew in the order in which they are drawn, for PDF. Pure.

Letters are joined by arabic-reshaper and ordered by python-bidi (UAX 9), in its form in Python, since the
other leaves brackets as they were (0.6.12). reportlab draws characters one after the other as they come.
"""

import unicodedata
from functools import cache

from arabic_reshaper import ArabicReshaper
from bidi.algorithm import get_display


def right_to_left(text: str) -> bool:
    """Whether any letter of `text` runs from right to left."""
    return any(_strong(char) == "R" for char in text)


def begins_right(text: str) -> bool:
    """Whether the first letter of `text` runs from right to left: so does its paragraph."""
    return next((found for char in text if (found := _strong(char))), "L") == "R"


def drawn(line: str, *, right: bool) -> str:
    """One line as it is drawn from left to right. `right`: its paragraph runs from right to left."""
    return str(get_display(joined(line), base_dir="R" if right else "L"))


def joined(text: str) -> str:
    """Arabic letters in the forms that they have beside their neighbours."""
    return str(_reshaper().reshape(text)) if right_to_left(text) else text


def _strong(char: str) -> str:
    kind = unicodedata.bidirectional(char)
    return "R" if kind in ("R", "AL") else "L" if kind == "L" else ""


@cache
def _reshaper() -> ArabicReshaper:
    """Signs over letters stay; of ligatures only lam with alef, which Arabic requires."""
    return ArabicReshaper({"delete_harakat": False, "ARABIC LIGATURE ALLAH": False})
