"""The text of Word paragraphs as a person sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from docx.oxml.ns import qn
from lxml import etree

from ingest.parsers import office_math
from ingest.parsers.base import ParseError
from ingest.parsers.docx_styles import is_on, style_of, value
from ingest.parsers.office import qn as office_qn

#: A lone bold line up to this long is a heading to its reader, whatever its style says.
BOLD_HEADING_WORDS = 12

#: A drawing's twin for readers that do not know drawings: the same text again.
FALLBACK = office_qn("mc:Fallback")
_SKIPPED = (
    FALLBACK,
    *(qn(name) for name in ("w:del", "w:moveFrom", "w:txbxContent", "w:instrText", "w:rt")),
)
_RUN, _PARAGRAPH = qn("w:r"), qn("w:p")
#: Signs of the Wingdings fonts that say yes or no, which forms are full of.
_SIGNS = {
    "F0FE": "\u2612", "F0FD": "\u2612", "F0A8": "\u2610", "F06F": "\u2610", "F0FC": "\u2713",
    "F0FB": "\u2717", "F052": "\u2611", "F053": "\u2612", "F0A3": "\u2610", "F0E0": "\u2192",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads text; `hidden` are styles whose text nobody sees."""

    hidden: set[str] = field(default_factory=set)

    def of(self, element: Any) -> str:
        """Visible text; deleted text, field codes and text boxes (read on their own) are left out."""
        parts: list[str] = []
        self._collect(element, parts)
        return "".join(parts)

    def _collect(self, element: Any, parts: list[str]) -> None:
        for child in element:
            leaf = _LEAVES.get(child.tag)
            if leaf is not None:
                parts.append(leaf(child))
            elif child.tag is etree.Entity:
                raise _unsafe()
            elif child.tag != _RUN or not self._is_hidden(child):
                self._collect(child, parts)
                if child.tag == _PARAGRAPH:
                    parts.append("\n")

    def _is_hidden(self, run: Any) -> bool:
        """By what the run says, else by its style, else by that of its paragraph."""
        vanish = run.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
        if vanish is not None:
            return is_on(vanish)
        if not self.hidden:
            return False
        paragraph = next(run.iterancestors(_PARAGRAPH), None)
        own = value(run.find(f"{qn('w:rPr')}/{qn('w:rStyle')}"))
        return own in self.hidden or (paragraph is not None and style_of(paragraph) in self.hidden)

    def is_bold_heading(self, paragraph: Any, text: str) -> bool:
        if (
            len(text.split()) > BOLD_HEADING_WORDS
            or "\n" in text
            or text.endswith((".", ",", ";", ":"))
        ):
            return False
        return self.is_all_bold(paragraph) and any(c.isalpha() for c in text)

    def is_all_bold(self, element: Any) -> bool:
        """Whether there is visible text in it, and all of it is bold."""
        runs = [run for run in element.iter(_RUN) if self.of(run).strip()]
        return bool(runs) and all(is_on(run.find(f"{qn('w:rPr')}/{qn('w:b')}")) for run in runs)


def _whole(text: Any) -> str:
    """A w:t with what stands after comments in it, too."""
    parts = [text.text or ""]
    for child in text:
        if child.tag is etree.Entity:
            raise _unsafe()
        parts.append(child.tail or "")
    return "".join(parts)


def _sign(symbol: Any) -> str:
    font = symbol.get(qn("w:font")) or ""
    return _SIGNS.get((symbol.get(qn("w:char")) or "").upper(), "") if "Wing" in font else ""


def _unsafe() -> ParseError:
    return ParseError(
        "unsafe-file", "The file declares XML entities, which office programs never do."
    )


def _as(text: str) -> Callable[[Any], str]:
    return lambda _: text


#: Elements that are text themselves, or hold none that is shown.
_LEAVES: dict[str, Callable[[Any], str]] = {
    qn("w:t"): _whole,
    qn("w:sym"): _sign,
    office_qn("m:oMath"): office_math.line,
    qn("w:noBreakHyphen"): _as("-"),
    **dict.fromkeys((qn("w:tab"), qn("w:ptab")), _as(" ")),
    **dict.fromkeys((qn("w:br"), qn("w:cr")), _as("\n")),
    **dict.fromkeys((*_SKIPPED, qn("w:softHyphen")), _as("")),
}
