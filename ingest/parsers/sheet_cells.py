"""What a cell of a workbook shows, whatever kind of workbook it is. Pure."""

from dataclasses import dataclass
from functools import lru_cache

from ingest.parsers import number_format
from ingest.parsers.sheet_codes import GENERAL
from ingest.parsers.sheet_locale import Locale


@dataclass(frozen=True, slots=True)
class Style:
    """Of a cell: its number format, and whether it is bold."""

    code: str = GENERAL
    bold: bool = False


def shown_text(text: str, style: Style) -> str:
    """A text under a format that may say more than the text (`@" kg"`) or nothing (`;;;`)."""
    if ";" in style.code or ("@" in style.code and style.code != "@"):
        return number_format.render(text, style.code)
    return text


@lru_cache(maxsize=10_000)
def shown_number(value: float, code: str, *, date1904: bool, locale: Locale) -> str:
    """A number as shown, the whole of it behind where its format rounds to units."""
    text = number_format.render(value, code, date1904=date1904, locale=locale)
    whole = number_format.exact(value, code, locale)
    return f"{text} ({whole})" if text and whole and whole != text else text
