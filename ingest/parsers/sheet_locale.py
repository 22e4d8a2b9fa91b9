"""How people of a country see numbers, days and truths in a sheet, and whose sheet a file is. Pure.

A file keeps no separators: a sheet shows those of its reader's computer. But who wrote it shows in
what their program wrote: names of styles, of parts and of new sheets in the language of its menus.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Separators, the short date of the system ("" where it is not known), and truths."""

    language: str = "en"
    thousands: str = ","
    decimal: str = "."
    date: str = ""
    true: str = "TRUE"
    false: str = "FALSE"


#: English: of Britain or America, which write days in different orders.
ENGLISH = Locale()
_LOCALES = {
    "de": Locale("de", ".", ",", "dd.mm.yyyy", "WAHR", "FALSCH"),
    "ch": Locale("de", "\u2019", ".", "dd.mm.yyyy", "WAHR", "FALSCH"),
    "fr": Locale("fr", " ", ",", "dd/mm/yyyy", "VRAI", "FAUX"),
    "it": Locale("it", ".", ",", "dd/mm/yyyy", "VERO", "FALSO"),
    "es": Locale("es", ".", ",", "dd/mm/yyyy", "VERDADERO", "FALSO"),
}
#: What programs write in the language of their menus: parts of a workbook, its first style, its sheets.
_WORDS = {
    "worksheets": "en",
    "arbeitsblätter": "de",
    "standard": "de",
    "tabelle": "de",
    "feuilles de calcul": "fr",
    "feuil": "fr",
    "fogli di lavoro": "it",
    "normale": "it",
    "foglio": "it",
    "hojas de cálculo": "es",
    "hoja": "es",
}
#: Telephone codes, by which old workbooks name the country of the system.
_COUNTRIES = {49: "de", 43: "de", 41: "ch", 33: "fr", 39: "it", 34: "es"}


def by_words(words: Iterable[str]) -> Locale:
    """The locale of the first of `words` that tells one, English if none does."""
    for word in words:
        name = _WORDS.get(word.strip().rstrip("0123456789 ").lower())
        if name:
            return _LOCALES.get(name, ENGLISH)
    return ENGLISH


def by_country(code: int) -> Locale:
    """The locale of a country's telephone code, English if it is another's."""
    return _LOCALES.get(_COUNTRIES.get(code, ""), ENGLISH)
