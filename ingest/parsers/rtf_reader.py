"""Walks Rich Text (RTF) group by group: what is text goes to an Output, with how it stands there.

striprtf knows the words of the format, and its tables are used; it keeps neither headings nor rows
of tables nor footnotes, and takes quadratic time on some files, so the walk is our own.
"""

import codecs
import re
from dataclasses import dataclass, field, replace
from typing import Protocol

from striprtf.striprtf import charset_map, destinations, specialchars

from ingest.parsers.base import ParseError

#: Groups in each other. Word processors write about thirty.
MAX_DEPTH = 1_000

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}]+)",
    re.DOTALL,
)
_SKIPPED = re.compile(r"\\bin(\d{1,9}) ?|\\.|[{}]", re.DOTALL)
_BREAKS = str.maketrans("", "", "\r\n\0")

#: Destinations whose text is wanted, or that hold some that is.
_READ = frozenset([
    "fonttbl", "stylesheet", "info", "title", "subject", "author", "keywords", "creatim", "revtim",
    "footnote", "shp", "shpgrp", "shpinst", "shptxt", "object", "result", "pntext", "listtext",
    "htmltag", "upr", "nesttableprops",
])  # fmt: skip
#: Twins of what is read: the same for older programs, or the same again.
_TWINS = frozenset(["nonshppict", "nonesttables", "mhtmltag", "shprslt", "do"])
_SKIP = (frozenset(destinations) | _TWINS) - _READ
_ABOUT = ("title", "subject", "author", "keywords")
_TIMES = ("yr", "mo", "dy", "hr", "min")
_ENDS = ("par", "sect", "page", "column", "cell", "row", "nestcell", "nestrow")
_CHARACTERS = {
    **{word: text for word, text in specialchars.items() if word not in _ENDS},
    "-": "", "softline": "\n", "enspace": " ", "emspace": " ",
}  # fmt: skip


@dataclass(slots=True)
class State:
    """What holds in a group: it ends with the group."""

    into: str = "body"
    skip: int = 1
    font: int = -1
    hidden: bool = False
    bold: bool = False
    in_table: bool = False
    outline: int = 9
    style: int = -1
    list_level: int = 0
    html_only: bool = True


@dataclass(slots=True)
class Style:
    """An entry of the style sheet."""

    name: str = ""
    outline: int = 9


class Output(Protocol):
    """Takes the text of a document."""

    def text(self, text: str, state: State) -> None:
        """Some letters of where `state` stands."""
        ...

    def end(self, what: str, state: State) -> None:
        """The end of a paragraph, cell, row ... (_ENDS), or of a group (footnote, listtext)."""
        ...


@dataclass
class Reader:
    """Reads one file. What it says of itself stands here afterwards."""

    source: str
    output: Output
    about: dict[str, str] = field(default_factory=dict)
    times: dict[str, dict[str, int]] = field(default_factory=dict)
    styles: dict[int, Style] = field(default_factory=dict)
    from_html: bool = False
    header_row: bool = False
    _fonts: dict[int, str] = field(default_factory=dict)
    _codepage: str = "cp1252"
    _default_font: int = -1
    _state: State = field(default_factory=State)
    _stack: list[State] = field(default_factory=list)
    _bytes: bytearray = field(default_factory=bytearray)
    _to_skip: int = 0
    _opened: bool = False
    _starred: bool = False
    _font: int = -1

    def read(self) -> None:
        """Walk the whole source. Raises ParseError `nested-too-deep`."""
        place = 0
        while found := _TOKEN.match(self.source, place) or _TOKEN.search(self.source, place):
            place = found.end()
            word, number, hexed, symbol, brace, run = found.groups()
            if hexed is not None:
                self._take_bytes(bytes.fromhex(hexed))
                continue
            if run is not None:
                self._run(run)
                continue
            self._flush()
            if brace == "{":
                self._open()
            elif brace == "}":
                if not self._close():
                    break
            elif symbol is not None:
                self._symbol(symbol)
            elif word == "bin":
                place += max(0, int(number or 0))
            elif self._begins_nothing(word):
                place = self._skipped(place)
            else:
                self._word(word, int(number) if number else None)
        self._flush()

    def _open(self) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise ParseError(
                "nested-too-deep", f"The file nests more than {MAX_DEPTH:,} groups. Save it anew."
            )
        self._stack.append(self._state)
        self._state = replace(self._state)
        self._opened, self._starred, self._to_skip = True, False, 0

    def _close(self) -> bool:
        """False: the document ends here, whatever follows."""
        closed = self._state
        self._to_skip = 0
        if self._stack:
            self._state = self._stack.pop()
        if closed.into != self._state.into and closed.into in ("footnote", "listtext", "shptxt"):
            self.output.end(closed.into, closed)
        return bool(self._stack)

    def _begins_nothing(self, word: str) -> bool:
        """Whether `word` begins a group that holds no text of the document."""
        opened, self._opened = self._opened, False
        if word in ("pict", "objdata"):
            return True
        if not opened:
            return False
        return word in _SKIP or (self._starred and word not in _READ)

    def _skipped(self, place: int) -> int:
        """Where the group ends in which `place` lies: its closing brace is still to be read."""
        depth = 1
        while found := _SKIPPED.search(self.source, place):
            place = found.end() + int(found[1] or 0)
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            if depth == 0:
                return found.start()
        return len(self.source)

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._starred = True
        elif symbol in "\r\n":
            self.output.end("par", self._state)
        elif self._to_skip:
            self._to_skip -= 1
        elif symbol in _CHARACTERS:
            self._text(_CHARACTERS[symbol])

    def _run(self, run: str) -> None:
        run = run.translate(_BREAKS)
        self._opened = self._opened and not run
        if self._to_skip:
            self._to_skip, run = max(0, self._to_skip - len(run)), run[self._to_skip :]
        if run.isascii():
            self._flush()
            self._text(run)
        else:
            self._take_bytes(run.encode("latin-1"))

    def _take_bytes(self, data: bytes) -> None:
        """Bytes in the font's encoding: a letter may be cut between two of them."""
        if self._to_skip:
            self._to_skip -= 1
        else:
            self._bytes += data

    def _flush(self) -> None:
        if self._bytes:
            encoding = self._fonts.get(self._state.font) or self._codepage
            text = self._bytes.decode(encoding, "replace")
            self._bytes.clear()
            self._text(text)

    def _text(self, text: str) -> None:
        into = self._state.into
        if into in _ABOUT:
            self.about[into] = self.about.get(into, "") + text
        elif into == "stylesheet":
            self._style().name += text
        elif into not in ("fonttbl", "info", "times") and not self._state.hidden:
            self.output.text(text, self._state)

    def _style(self) -> Style:
        return self.styles.setdefault(self._state.style, Style())

    def _word(self, word: str, number: int | None) -> None:
        if word in _READ:
            self._enter(word)
        elif word in _ENDS:
            if self._state.into not in _ABOUT:
                self.output.end(word, self._state)
        elif word in _CHARACTERS:
            self._text(_CHARACTERS[word])
        elif word == "u" and number is not None:
            self._text(chr(number % 0x10000))
            self._to_skip = self._state.skip
        elif word in _TIMES:
            self.times.setdefault(self.about.get("time", ""), {})[word] = number or 0
        else:
            self._format(word, number)

    def _enter(self, word: str) -> None:
        if word in ("creatim", "revtim"):
            self.about["time"] = word
            self._state.into = "times"
        elif word == "pntext":
            self._state.into = "listtext"
        elif word not in ("shp", "shpgrp", "shpinst", "object", "result", "upr", "nesttableprops"):
            self._state.into = word
            if word in _ABOUT:
                self.about[word] = ""

    def _format(self, word: str, number: int | None) -> None:
        """What changes how the text stands, or how its bytes are to be read."""
        state = self._state
        if word == "pard":
            state.in_table, state.outline, state.style, state.list_level = False, 9, -1, 0
        elif word == "plain":
            state.hidden, state.bold, state.font = False, False, self._default_font
        elif word in ("v", "deleted"):
            state.hidden = number != 0
        elif word == "b":
            state.bold = number != 0
        elif word == "intbl":
            state.in_table = number != 0
        elif word == "htmlrtf":
            state.html_only = number == 0
        elif word in ("trowd", "trhdr"):
            self.header_row = word == "trhdr"
        elif word == "fromhtml":
            self.from_html = True
        elif number is not None:
            self._set(word, number)

    def _set(self, word: str, number: int) -> None:
        state = self._state
        if word == "f":
            state.font = number
        elif word == "s":
            state.style = number
        elif word == "uc":
            state.skip = max(0, min(10, number))
        elif word == "outlinelevel" and state.into == "stylesheet":
            self._style().outline = number
        elif word == "outlinelevel":
            state.outline = number
        elif word == "ilvl":
            state.list_level = max(0, min(8, number))
        elif word == "fcharset":
            self._fonts[state.font] = (
                "" if number in (0, 1, 2) else _known(charset_map.get(number, ""))
            )
        elif word in ("cpg", "ansicpg"):
            self._set_codepage(word, _known(f"cp{number}"))
        elif word == "deff":
            state.font = self._default_font = number

    def _set_codepage(self, word: str, encoding: str) -> None:
        if word == "cpg":
            self._fonts[self._state.font] = encoding
        else:
            self._codepage = encoding or "cp1252"


def _known(name: str) -> str:
    try:
        return codecs.lookup({"cp10000": "mac_roman"}.get(name, name)).name if name else ""
    except LookupError:
        return ""
