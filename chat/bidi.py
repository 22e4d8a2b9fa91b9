"""Lines of Arabic and Hebrew in the order in which they are drawn, for PDF. Pure.

No library for it is part of the product. This knows what answers need: letters joined by their forms,
runs of one direction, numbers and Latin words in between, brackets mirrored. It nests nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_PAIR = re.compile(r"\([^()\[\]]*\)|\[[^()\[\]]*\]")
#: How a letter stands: alone, joined to the one before it, to the one after it, to both.
_FORMS = ("<isolated>", "<final>", "<initial>", "<medial>")


def right_to_left(text: str) -> bool:
    """Whether any letter of `text` runs from right to left."""
    return any(_strong(char) == "R" for char in text)


def begins_right(text: str) -> bool:
    """Whether the first letter of `text` runs from right to left: so does its paragraph."""
    return next((found for char in text if (found := _strong(char))), "L") == "R"


def drawn(line: str, *, right: bool) -> str:
    """One line as it is drawn from left to right. `right`: its paragraph runs from right to left."""
    runs = [
        (way, "".join(char for char, _way in group))
        for way, group in groupby(_ways(joined(line), right), key=lambda pair: pair[1])
    ]
    if right:
        runs.reverse()
    return "".join(_turned(text) if way == "R" else text for way, text in runs)


def joined(text: str) -> str:
    """Arabic letters in the forms that they have beside their neighbours."""
    shaped = []
    for at, char in enumerate(text):
        forms = _forms().get(char)
        if not forms:
            shaped.append(char)
            continue
        before = _joins_on(_neighbour(text, at, -1))
        after = "<initial>" in forms and _joins_back(_neighbour(text, at, 1))
        form = _FORMS[(1 if before else 0) + (2 if after else 0)]
        shaped.append(forms.get(form, char))
    return "".join(shaped)


def _ways(line: str, right: bool) -> Iterator[tuple[str, str]]:
    """Each character with its direction: what has none goes with its neighbours, if they agree."""
    strong = [_strong(char) or ("L" if char.isdigit() else "") for char in line]
    base = "R" if right else "L"
    for pair in _PAIR.finditer(line):
        # Brackets go with what they hold: the mark of a source stays one.
        if "R" not in strong[pair.start() : pair.end()]:
            strong[pair.start() : pair.end()] = "L" * len(pair[0])
    for at, char in enumerate(line):
        before = next((way for way in reversed(strong[:at]) if way), base)
        after = next((way for way in strong[at:] if way), base)
        yield char, strong[at] or (before if before == after else base)


def _turned(text: str) -> str:
    """A run backwards, each letter with the signs over it behind it."""
    letters: list[str] = []
    for char in text:
        if letters and unicodedata.combining(char):
            letters[-1] += char
        else:
            letters.append(char)
    return "".join(reversed(letters)).translate(_MIRRORED)


def _strong(char: str) -> str:
    kind = unicodedata.bidirectional(char)
    return "R" if kind in ("R", "AL") else "L" if kind == "L" else ""


def _neighbour(text: str, at: int, step: int) -> str:
    at += step
    while 0 <= at < len(text) and unicodedata.combining(text[at]):
        at += step
    return text[at] if 0 <= at < len(text) else ""


def _joins_on(char: str) -> bool:
    return char == "\u0640" or "<initial>" in _forms().get(char, {})


def _joins_back(char: str) -> bool:
    return char == "\u0640" or "<final>" in _forms().get(char, {})


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Letters with their forms, as Unicode's own tables name them."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE80, 0xFEF5)):
        form, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        if len(letters) == 1 and form in _FORMS:
            found.setdefault(chr(int(letters[0], 16)), {})[form] = chr(code)
    return found
