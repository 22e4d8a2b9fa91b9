"""Cells of a CSV file that no spreadsheet takes for a formula. Pure."""

import re

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")
#: A plain number with its sign is none.
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def safe(cell: str) -> str:
    """With ' before what begins like a formula; plain() takes it away."""
    if _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}" if _FORMULA.match(cell.lstrip("'")) else cell


def plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell.lstrip("'")) else cell
