"""What readers of sheets (XLSX, XLS, CSV) hand to sheet_tables: rows that keep only filled cells."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.parsers.base import Limits, Notice

#: What Excel holds at most; what lies beyond is no cell.
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
#: Names that programs give a sheet, in the languages that people here use: they say nothing.
_DEFAULT_NAME = re.compile(
    r"(?:sheet|tabelle|feuil|feuille|hoja|foglio|blad|planilha|ark|worksheet)\s?\d*", re.IGNORECASE
)

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
    number: int = 1
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
        if not kept:
            return None
        columns = tuple(column for column, _, _ in kept)
        # Most rows of a sheet fill the same columns: one tuple serves them all.
        columns = self._columns.setdefault(columns, columns)
        texts = tuple(text for _, text, _ in kept)
        self._cells -= len(kept)
        self._chars -= sum(map(len, texts)) + 3 * len(kept)
        return Row(number, columns, texts, bytes(looks for _, _, looks in kept))

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
