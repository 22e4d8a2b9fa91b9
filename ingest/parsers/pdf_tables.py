"""Tables of a PDF page, guessed from words that stand below each other. Best effort."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.parsers.clean import filled
from ingest.parsers.pdf_lines import Cell, Line

#: Points by which the cells of a column may begin apart.
ALIGN = 4.0
#: Lines without a second cell that may stand between two that show the columns.
LOOK_AHEAD = 6
#: Lines above this many line heights apart belong to no common table.
MAX_PITCH = 4.0


@dataclass(slots=True)
class Table:
    """Rows of cells and the lines that they were read from."""

    rows: tuple[tuple[str, ...], ...]
    header_rows: int
    lines: list[Line]


@dataclass(slots=True)
class _Builder:
    columns: list[float]
    rows: list[list[str]] = field(default_factory=list)
    last_column: int = -1

    def add(self, line: Line) -> None:
        """A cell further right continues the row, one further left begins the next."""
        first = self._column(line.cells[0])
        if (
            not self.rows
            or first < self.last_column
            or (first == self.last_column and len(line.cells) > 1)
        ):
            self._new_row(first)
        for cell in line.cells:
            column = self._column(cell)
            self.rows[-1][column] = f"{self.rows[-1][column]} {cell.text}".strip()
            self.last_column = column

    def _new_row(self, first: int) -> None:
        # What is merged downwards is written once, on top: a row alone must still say it.
        # The first row may be a header, which says nothing of the rows below.
        above = self.rows[-1][:first] if len(self.rows) > 1 else [""] * first
        self.rows.append([*above, *[""] * (len(self.columns) - len(above))])

    def _column(self, cell: Cell) -> int:
        return max(
            (index for index, left in enumerate(self.columns) if cell.left >= left - ALIGN),
            default=0,
        )


def table_at(lines: list[Line], start: int) -> Table | None:
    """The table that begins with line `start`, if one does."""
    first = lines[start]
    if len(first.cells) < 2 or not _aligned_follower(lines, start):
        return None
    columns = _columns(lines, start)
    if len(columns) < 2:
        return None
    end = start
    while end < len(lines) and _belongs(lines, start, end, columns):
        end += 1
    members = lines[start:end]
    if sum(len(line.cells) > 1 for line in members) < 2 or len(columns) < 2:
        return None
    builder = _Builder(columns)
    for line in members:
        builder.add(line)
    rows = filled(builder.rows)
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    return Table(rows, int(_is_header(rows, members)), members)


def _aligned_follower(lines: list[Line], start: int) -> bool:
    """Whether a line soon after has two cells that begin where two of this line's do."""
    first = lines[start]
    for line in lines[start + 1 : start + 1 + LOOK_AHEAD]:
        if line.page != first.page:
            return False
        if len(line.cells) > 1 and _shared(first, line) >= 2:
            return True
    return False


def _shared(one: Line, other: Line) -> int:
    return sum(
        any(abs(cell.left - mine.left) <= ALIGN for mine in one.cells) for cell in other.cells
    )


def _columns(lines: list[Line], start: int) -> list[float]:
    """Where columns begin: the lefts of cells that stand in line with those of the first lines."""
    hits = {cell.left: 1 for cell in lines[start].cells}
    followers = 0
    for line in lines[start + 1 : start + 40]:
        if line.page != lines[start].page:
            break
        if len(line.cells) < 2 or not _near(line.cells[0].left, hits):
            continue
        followers += 1
        for cell in line.cells:
            known = _near(cell.left, hits)
            if known:
                hits[known[0]] += 1
            elif all(abs(cell.left - left) > 4 * ALIGN for left in hits):
                hits[cell.left] = 1
    # A header that is centred over its column begins where nothing else does.
    return sorted(left for left, count in hits.items() if count > 1 or followers < 2)


def _near(left: float, columns: Iterable[float]) -> list[float]:
    return [column for column in columns if abs(left - column) <= ALIGN]


def _belongs(lines: list[Line], start: int, place: int, columns: list[float]) -> bool:
    line = lines[place]
    if line.page != lines[start].page:
        return False
    if place > start and abs(lines[place - 1].bottom - line.bottom) > MAX_PITCH * max(
        line.height, 1.0
    ):
        return False
    if any(all(abs(cell.left - left) > 2 * ALIGN for left in columns) for cell in line.cells[:1]):
        return line.cells[0].left > columns[1] and len(line.cells) == 1
    if len(line.cells) > 1:
        return True
    # A lone cell that runs over the next column's place is text of the page, not of a column.
    after = [left for left in columns if left > line.left + 2 * ALIGN]
    return not after or line.right <= after[0] + ALIGN


def _is_header(rows: tuple[tuple[str, ...], ...], members: list[Line]) -> bool:
    bold = members[0].weight > max((line.weight for line in members[1:]), default=0)
    named = all(rows[0]) and not any(any(c.isdigit() for c in cell) for cell in rows[0])
    return len(rows) > 2 and (bold or named)
