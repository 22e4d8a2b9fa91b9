"""Tables as text (CSV, TSV): any encoding, any usual separator, values left as they are."""

import csv
import io
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from ingest.parsers import clean, decode, sheet_tables
from ingest.parsers.base import Limits, ParsedDocument
from ingest.parsers.sheet import MAX_COLUMNS, NUMBER, Budget, Row, Sheet
from ingest.parsers.text import encoding_of, parse_text, read

#: The most telling first: a comma is also a decimal sign, a bar or a tab is nothing else.
SEPARATORS = "\t;|,"
#: Lines that show how a file is separated, and letters of a line that are looked at.
SAMPLE_LINES, SAMPLE_LETTERS = 200, 10_000
#: Share of lines that must have the same number of cells.
SAME = 0.6
#: Lines of one cell above which its opening quote was none.
MAX_CELL_LINES = 200
#: Rows whose cells are looked at for numbers: the header stands above them.
LOOKED_AT = 200

_NUMBER = re.compile(
    r"[-+(]?\s*[€$£]?\s*\d[\d.,' ]*\s*(?:%|[€$£]|[A-Z]{3})?\)?"  # 1.234,56 EUR
    r"|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T ]\d{1,2}:\d\d\S*)?|\d{1,2}:\d\d(?::\d\d)?"
)
_SEP_LINE = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)


class CsvParser:
    media_types = ("text/csv",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `no-text`, `too-much-text`.

        A file whose lines have no common number of cells, or one, is text and read as such.
        """
        with closing(_lines(path)) as lines:
            head = list(islice(lines, SAMPLE_LINES))
            separator, skipped = _separator(head), int(_is_named(head))
            if not separator:
                return parse_text(read(path, limits), limits)
            rows = _quoted(chain(head[skipped:], lines), separator)
            try:
                return _document(rows, limits)
            except (csv.Error, _NoQuoteError):
                pass
        with closing(_lines(path)) as lines:
            return _document(_split(islice(lines, skipped, None), separator), limits)


class _NoQuoteError(Exception):
    """A quote that opens a cell and closes none."""


def _lines(path: Path) -> Generator[str]:
    """Decoded, cleaned lines with their ends."""
    with path.open("rb") as file:
        encoding = encoding_of(path, file.read(4 * decode.SAMPLE))
        file.seek(0)
        text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
        for line in text:
            yield clean.clean(line)


def _is_named(head: list[str]) -> bool:
    """Whether the first line only names the separator, as Excel has it."""
    return bool(head) and _SEP_LINE.fullmatch(head[0]) is not None


def _separator(head: list[str]) -> str:
    """The separator of lines that are a table, "" where they are none."""
    if head and (named := _SEP_LINE.fullmatch(head[0])):
        return named[1]
    if not any(line.strip(f'{SEPARATORS}" \n') for line in head):
        return ","
    best, best_score = "", 0.0
    for separator in SEPARATORS:
        share, halves = _share(head, separator)
        score = share - halves / 2
        # A later separator must be clearly better: commas in numbers are regular, too.
        if share >= SAME and (not best or score > best_score + 0.15):
            best, best_score = separator, score
    return best


def _share(head: list[str], separator: str) -> tuple[float, float]:
    """Shares of the rows: with the usual number of cells (0 where that is one), and with half a pair
    of quotes in a cell, as a separator leaves it that stands inside quotes."""
    lines = (line[:SAMPLE_LETTERS] for line in head)
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if any(row)]
    except csv.Error:
        rows = [line.split(separator) for line in head if line.strip()]
    several = Counter(len(row) for row in rows if len(row) > 1)
    if not several:
        return 0.0, 0.0
    usual, count = several.most_common(1)[0]
    # Rows that stop early or have notes behind are ragged, not another table.
    near = sum(n for size, n in several.items() if abs(size - usual) <= 1 < usual - 1)
    halves = sum(any(cell.count('"') % 2 for cell in row) for row in rows)
    return max(count, near) / len(rows), halves / len(rows)


def _quoted(lines: Iterator[str], separator: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")
    before = 0
    for row in reader:
        if reader.line_num > before + MAX_CELL_LINES:
            raise _NoQuoteError
        before = reader.line_num
        yield row


def _split(lines: Iterator[str], separator: str) -> Iterator[list[str]]:
    for line in lines:
        yield line.rstrip("\n").split(separator)


def _document(rows: Iterator[list[str]], limits: Limits) -> ParsedDocument:
    budget = Budget(limits)
    sheet = Sheet("", None, is_whole=True)
    for number, cells in enumerate(rows, start=1):
        row = _row(number, cells, budget)
        if row is not None:
            sheet.rows.append(row)
            if budget.spent("", number):
                break
    return sheet_tables.document([sheet], limits, budget)


def _row(number: int, cells: list[str], budget: Budget) -> Row | None:
    texts = [" ".join(cell.split()) for cell in cells[:MAX_COLUMNS]]
    if number <= LOOKED_AT:
        return budget.row(
            number,
            (
                (column, text, NUMBER if _NUMBER.fullmatch(text) else 0)
                for column, text in enumerate(texts, start=1)
            ),
        )
    return budget.plain_row(number, texts)
