"""What readers of sheets (XLSX, XLS, CSV) hand to sheet_tables: rows that keep only filled cells."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.parsers.base import Limits, Notice, ParseError

#: What Excel holds at most; what lies beyond is no cell.
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
#: Names that programs give a sheet, in the languages that people here use: they say nothing.
_DEFAULT_NAME = re.compile(
    r"(?:sheet|tabelle|feuil|feuille|hoja|foglio|blad|planilha|ark|worksheet)\s?\d*", re.IGNORECASE
)

#: Names of sheets that a notice gives.
NAMED = 5

#: What a cell is besides its text, as bits of Row.looks.
NUMBER, BOLD = 1, 2

#: Top, left, bottom, right, from 1, all inside.
Area = tuple[int, int, int, int]


@dataclass(slots=True)
class Row:
    """A row's filled cells: `columns` ascending from 1, a text and a byte of looks for each."""

    number: int
    columns: tuple[int, ...]
    texts: tuple[str, ...]
    looks: bytes

    def at(self, column: int) -> str:
        """The text in `column`, "" where it is empty."""
        return self.texts[self.columns.index(column)] if column in self.columns else ""


@dataclass(slots=True)
class Sheet:
    """One sheet. `headed` are areas whose first row is a header (tables, filters)."""

    name: str
    number: int | None = 1
    #: All of it is one table, whatever is empty in it.
    is_whole: bool = False
    rows: list[Row] = field(default_factory=list)
    merged: list[Area] = field(default_factory=list)
    headed: list[Area] = field(default_factory=list)
    #: Rows that stay on top while the others scroll.
    frozen: int = 0
    #: (row, column, what somebody remarked there).
    notes: list[tuple[int, int, str]] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)

    @property
    def is_named(self) -> bool:
        """Whether a person named it."""
        return _DEFAULT_NAME.fullmatch(self.name.strip()) is None


class Budget:
    """Cells and characters that all sheets of a file may still hold."""

    #: Of the characters that a document may have: headings and separators need some, too.
    SHARE = 0.8

    def __init__(self, limits: Limits) -> None:
        self._cells = limits.max_cells
        self._chars = int(limits.max_chars * self.SHARE)
        self._columns: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.cut: Notice | None = None

    def row(self, number: int, cells: Iterable[tuple[int, str, int]]) -> Row | None:
        """A row of (column, text, looks), None where it holds nothing. Spends what it holds."""
        kept = sorted(cell for cell in cells if cell[1])
        columns = tuple(column for column, _, _ in kept)
        texts = tuple(text for _, text, _ in kept)
        return self._spend(number, columns, texts, bytes(looks for _, _, looks in kept))

    def plain_row(self, number: int, texts: list[str]) -> Row | None:
        """A row of texts from the first column on, of which nothing else is known."""
        columns = tuple(column for column, text in enumerate(texts, start=1) if text)
        kept = tuple(texts) if len(columns) == len(texts) else tuple(filter(None, texts))
        return self._spend(number, columns, kept, bytes(len(columns)))

    def _spend(
        self, number: int, columns: tuple[int, ...], texts: tuple[str, ...], looks: bytes
    ) -> Row | None:
        if not columns:
            return None
        self._cells -= len(columns)
        self._chars -= sum(map(len, texts)) + 3 * len(columns)
        # Most rows of a sheet fill the same columns: one tuple serves them all.
        return Row(number, self._columns.setdefault(columns, columns), texts, looks)

    def spent(self, sheet: str, number: int) -> bool:
        """Whether reading must end after row `number` of `sheet`; notes where that was."""
        if self._cells > 0 and self._chars > 0:
            return False
        self.cut = self.cut or Notice("sheet-cut", number, names=sheet)
        return True

    def copied(self, text: str) -> bool:
        """Spend a cell that is repeated (merged cells); False where nothing is left for it."""
        self._cells -= 1
        self._chars -= len(text) + 3
        return self._cells > 0 and self._chars > 0


def check_count(sheets: int, limits: Limits) -> None:
    """Raises ParseError `too-many-pages`: sheets are what a workbook has for pages."""
    if sheets > limits.max_pages:
        raise ParseError(
            "too-many-pages",
            f"The file has {sheets:,} sheets; {limits.max_pages:,} are allowed. Split it.",
        )


def hidden_sheets(names: list[str], total: int) -> list[Notice]:
    """The notice for sheets that their makers hid: people do not see them, and readers do not."""
    shown = ", ".join(names[:NAMED]) + (", \u2026" if len(names) > NAMED else "")
    return [Notice("sheets-hidden", len(names), total, shown)] if names else []


def hidden_rows(count: int) -> list[Notice]:
    """The notice for rows and columns that were hidden by hand."""
    return [Notice("rows-hidden", count)] if count else []
