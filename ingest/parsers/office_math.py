"""Equations of Office files as one line of text: "a/b", "x^2", "\u221a(x)"."""

from collections.abc import Callable
from typing import Any

from ingest.parsers.office import qn

_VALUE = qn("m:val")
#: What belongs to the look of an equation, not to what it says.
_PROPERTIES = "Pr"


def line(element: Any) -> str:
    """The text of an m:oMath or of any part of one. Recursion ends: XML readers refuse deep trees."""
    name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else _PROPERTIES
    if name.endswith(_PROPERTIES):
        return ""
    if element.tag == qn("m:t"):
        return element.text or ""
    return _FORMS.get(name, _all)(element)


def _all(element: Any) -> str:
    return "".join(line(child) for child in element)


def _part(element: Any, name: str) -> str:
    found = element.find(qn(f"m:{name}"))
    return "" if found is None else line(found)


def _grouped(text: str) -> str:
    return text if text.isalnum() or len(text) < 2 else f"({text})"


def _fraction(element: Any) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _script(element: Any) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    text = _part(element, "e")
    text += f"_{_grouped(below)}" if below else ""
    return text + (f"^{_grouped(above)}" if above else "")


def _root(element: Any) -> str:
    degree = _part(element, "deg")
    return f"{_grouped(degree)}\u221a({_part(element, 'e')})"


def _delimited(element: Any) -> str:
    begin, end = (
        _sign(element, "dPr", name, usual) for name, usual in (("begChr", "("), ("endChr", ")"))
    )
    inner = ", ".join(line(each) for each in element.findall(qn("m:e")))
    return f"{begin}{inner}{end}"


def _operator(element: Any) -> str:
    sign = _sign(element, "naryPr", "chr", "\u222b")
    below, above = _part(element, "sub"), _part(element, "sup")
    sign += f"_{_grouped(below)}" if below else ""
    sign += f"^{_grouped(above)}" if above else ""
    return f"{sign} {_part(element, 'e')}"


def _sign(element: Any, properties: str, name: str, usual: str) -> str:
    found = element.find(f"{qn(f'm:{properties}')}/{qn(f'm:{name}')}")
    return usual if found is None else (found.get(_VALUE) or "")[:4]


_FORMS: dict[str, Callable[[Any], str]] = {
    "f": _fraction, "sSup": _script, "sSub": _script, "sSubSup": _script, "rad": _root,
    "d": _delimited, "nary": _operator,
}  # fmt: skip
