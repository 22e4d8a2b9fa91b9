"""How golden questions stand in files: JSON lines, and CSV as spreadsheets write it. No database."""

import csv
import io
import json
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from evaluation.draft import ROLES, Draft
from evaluation.models import Question

#: Letters of one line of JSON, and of one cell.
MOST_LINE = 200_000
#: Of the name of a field that nobody knows, as it is told.
MOST_NAME = 60
#: Columns of CSV. `file`, `section` and `quote` belong together, and these with * may come again.
ONCE = ("key", "type", "language", "question", "answer")
REPEATED = ("history", "file", "section", "quote", "also_in", "must_contain")
NAMES = {"id": "key", "page_or_section": "section"}
DELIMITERS = ",;\t"
#: A spreadsheet would take a cell that begins so for a formula: it is written with ' before it.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
#: The same within a cell: one that takes other separators than the file has begins a cell there.
INNER = re.compile(r"(?<=[;\t\r\n])(?=[ ']*[=+\-@])")
DEFUSED = re.compile(r"(?<=[;\t\r\n])'(?=[ ']*[=+\-@])")
LISTS = {"history": dict, "evidence": dict, "also_in": str, "must_contain": str}
TEXTS = ("key", "type", "language", "question", "answer")


class Unreadable(Exception):
    """`text` says what is wrong with `line`, and what to do."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


@dataclass(frozen=True, slots=True)
class Row:
    """One question of a file: the line that it begins on, what is there, what is not known."""

    line: int
    values: Mapping[str, Any] | None
    ignored: tuple[str, ...] = ()
    wrong: str = ""

    def draft(self) -> Draft:
        """Raises Unreadable for what has another shape than a question."""
        if self.values is None:
            raise Unreadable(self.line, self.wrong)
        for name, value in self.values.items():
            if not _fits(name, value):
                raise Unreadable(
                    self.line, _("%(field)s: this has the wrong shape.") % {"field": name}
                )
        values = dict(self.values)
        values.setdefault("answerable", values.get("type") != Question.Type.UNANSWERABLE)
        return Draft(**values)


def jsonl_rows(data: bytes) -> Iterator[Row]:
    """A question a line, as docs/measuring.md has it. Raises Unreadable for what is no text."""
    for number, line in enumerate(_text(data).split("\n"), 1):
        if line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: str) -> Row:
    wrong = _("This line is no JSON object. Write each question on one line.")
    if len(line) > MOST_LINE:
        return Row(number, None, wrong=_("This line is too long. Shorten its texts."))
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return Row(number, None, wrong=wrong)
    if not isinstance(found, dict):
        return Row(number, None, wrong=wrong)
    named = {NAMES.get(name, name): value for name, value in found.items() if value is not None}
    known = {name: named[name] for name in Draft.__dataclass_fields__ if name in named}
    return Row(number, known, tuple(_said(str(name)) for name in named if name not in known))


def _said(name: str) -> str:
    """A name that nobody knows, for people to read: as much of it as is shown, and no odd letters."""
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in name[:MOST_NAME]
    )
    return shown if len(name) <= MOST_NAME else f"{shown}…"


def _fits(name: str, value: object) -> bool:
    if name == "answerable":
        return isinstance(value, bool)
    if name in TEXTS:
        return isinstance(value, str)
    if not isinstance(value, list) or not all(isinstance(part, LISTS[name]) for part in value):
        return False
    return all(_texts(part) for part in value if isinstance(part, dict))


def _texts(part: Mapping[object, object]) -> bool:
    """What a quote or a turn holds is text."""
    return all(isinstance(value, str) for value in part.values())


def csv_rows(data: bytes) -> Iterator[Row]:
    """A question a row under a row of names, with commas, semicolons or tabs between.

    Raises Unreadable for what is no text, or has no column `question`.
    """
    text = _text(data)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        head = [_column(name) for name in next(reader, [])]
        _require_columns(head)
        known = (*ONCE, *REPEATED, "answerable")
        ignored = tuple(_said(name) for name in head if name and name not in known)
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _csv_row(begins, head, cells, ignored)
            begins = reader.line_num + 1
    except csv.Error as error:
        text = _("A cell is not closed or too long from here on. Save the table as CSV UTF-8.")
        raise Unreadable(max(1, reader.line_num), text) from error


def _require_columns(head: Sequence[str]) -> None:
    if "question" not in head:
        raise Unreadable(1, _("The first line must name the columns; `question` is not there."))
    if twice := [name for name in ONCE if head.count(name) > 1]:
        raise Unreadable(1, _("The column %(name)s is there twice.") % {"name": twice[0]})


def _column(name: str) -> str:
    """`Quote 2` is `quote`: spreadsheets want different names."""
    plain = name.strip().casefold().rstrip(string.digits).rstrip(f"_{string.whitespace}\xa0")
    plain = plain.replace(" ", "_")
    return NAMES.get(plain, plain)


def _csv_row(line: int, head: Sequence[str], cells: Sequence[str], ignored: tuple[str, ...]) -> Row:
    if any(cell.strip() for cell in cells[len(head) :]):
        return Row(line, None, ignored, _("This row has more cells than there are columns."))
    columns: dict[str, list[str]] = {}
    for name, cell in zip(head, cells, strict=False):
        columns.setdefault(name, []).append(_plain(cell))
    values: dict[str, Any] = {n: columns[n][0].strip() for n in ONCE if any(columns.get(n, ()))}
    values["evidence"] = _quotes(columns)
    for name in ("also_in", "must_contain"):
        values[name] = [part for cell in columns.get(name, ()) for part in _lines(cell)]
    values["history"] = [_turn(cell) for cell in columns.get("history", ()) if cell.strip()]
    answerable = next(iter(columns.get("answerable", ())), "").strip().casefold()
    if answerable in ("false", "no", "0"):
        values |= {"answerable": False, "type": values.get("type") or Question.Type.UNANSWERABLE}
    return Row(line, values, ignored)


def _quotes(columns: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The nth file with the nth section and quote; a quote without a file stands in the one before."""
    files, sections, quotes = (columns.get(name, ()) for name in ("file", "section", "quote"))
    found: list[dict[str, str]] = []
    last = ""
    for n in range(max(len(files), len(quotes))):
        file, section, quote = (
            column[n].strip() if n < len(column) else "" for column in (files, sections, quotes)
        )
        last = file or last
        if file or quote:
            found.append({"file": last, "page_or_section": section, "quote": quote})
    return found


def _turn(cell: str) -> dict[str, str]:
    role, colon, content = cell.strip().partition(":")
    role = role.strip().casefold()
    if colon and role in ROLES:
        return {"role": role, "content": content.strip()}
    return {"role": "user", "content": cell.strip()}


def _lines(cell: str) -> list[str]:
    return [line.strip("\r") for line in cell.split("\n") if line.strip()]


def _plain(cell: str) -> str:
    """A cell as it was before it was made safe for spreadsheets."""
    begins = cell.startswith("'") and FORMULA.match(cell)
    return DEFUSED.sub("", cell[1:] if begins else cell)


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, nor a part of it."""
    cell = INNER.sub("'", cell)
    return f"'{cell}" if FORMULA.match(cell) else cell


def _text(data: bytes) -> str:
    """Raises Unreadable."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(line, _("This is not UTF-8. Save the file as CSV UTF-8.")) from error
