"""The little Markdown that an answer may use: bold, italic, code, lists. Pure.

What a model wrote may be a hostile document's words. A library finds the tokens; those of the few
kinds below give their text a style, every other one is the text that it was. No link, image or HTML is
ever looked for, so none comes out. Nothing here makes markup: templates escape each piece.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: Stands where one sentence ends and the next begins. Punctuation, so that marks of bold beside it count.
SEAM = "\u2e3c"
_STYLES = ("strong", "em")
_ITEM = re.compile(r"(?:[-*+•]|(\d{1,3})[.)])\s+(?=\S)")
# "zero" knows text alone: entities, escapes, links, images, addresses and HTML are no tokens.
_READER = MarkdownIt("zero", {"html": False, "linkify": False}).enable(["emphasis", "backticks"])


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, never markup, and how it is set."""

    text: str
    strong: bool = False
    em: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """How a line begins that is an item of a list. `number` is 0 for one with a bullet."""

    text: str
    number: int = 0


def marker(line: str) -> Marker | None:
    """The beginning of a line that makes it an item of a list, or None."""
    found = _ITEM.match(line)
    return Marker(found[0], int(found[1] or 0)) if found else None


def styled(sentences: Sequence[str]) -> list[tuple[Piece, ...]]:
    """The pieces of each of `sentences`, which stand in one line; a style may span several."""
    text = SEAM.join(sentence.replace(SEAM, ".") for sentence in sentences)
    said: list[list[Piece]] = [[]]
    for piece in _pieces(text):
        first, *others = piece.text.split(SEAM)
        said[-1].append(_with(piece, first))
        said += [[_with(piece, other)] for other in others]
    return [tuple(piece for piece in pieces if piece.text) for pieces in said]


def plain(pieces: Sequence[Piece]) -> str:
    """What a reader reads of them."""
    return "".join(piece.text for piece in pieces)


def _pieces(text: str) -> Iterator[Piece]:
    on: list[str] = []
    for token in _tokens(text):
        # An underscore is part of a name more often than a mark: `__init__`, `due_date`.
        if token.tag in _STYLES and token.markup.startswith("*"):
            if token.nesting > 0:
                on.append(token.tag)
            else:
                on.remove(token.tag)
            continue
        code = token.type == "code_inline"
        yield Piece(token.content or token.markup, "strong" in on, "em" in on, code)


def _tokens(text: str) -> list[Token]:
    return [token for each in _READER.parseInline(text) for token in each.children or []]


def _with(piece: Piece, text: str) -> Piece:
    return Piece(text, piece.strong, piece.em, piece.code)
