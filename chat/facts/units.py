"""What numbers count, in English, German, French and Spanish. Pure."""

import re

from chat.facts.fact import LABEL
from ingest.stopwords import STOP_WORDS
from ingest.terms import fold

_UNITS = {
    "second": "second seconds sec secs s sekunde sekunden seconde secondes segundo segundos",
    "minute": "minute minutes min mins minuten minuto minutos",
    "hour": "hour hours hr hrs h stunde stunden std heure heures hora horas",
    "day": "day days d tag tage tagen jour jours dia dias",
    "week": "week weeks wk wks woche wochen semaine semaines semana semanas",
    "month": "month months monat monate monaten mois mes meses",
    "year": "year years yr yrs jahr jahre jahren annee annees ans ano anos",
    "night": "night nights nacht nachte nachten nuit nuits noche noches",
    "percent": "% percent pct prozent pourcent porciento",
    "permille": "‰ promille",
    "basis point": "basispunkt basispunkte basispunkten bp bps",
    "times": "times mal fois veces",
    "usd": "$ us$ usd dollar dollars us-dollar dolar dolares",
    "eur": "€ eur euro euros",
    "gbp": "£ gbp",
    "jpy": "¥ jpy yen",
    "chf": "chf franken",
    "cent": "cents centimes centavos",
    "character": "character characters zeichen caractere caracteres",
    "kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb",
    "km": "km kilometer kilometers kilometre kilometres kilometern kilometro kilometros",
    "mile": "mile miles meile meilen milles milla millas",
    "metre": "metre metres meter meters metern metro metros",
    "cm": "cm", "mm": "mm", "feet": "feet foot ft", "inch": "inch inches",
    "kg": "kg kilogram kilograms kilogramm", "lb": "lb lbs",
    "degree": "° °c °f",
}  # fmt: skip
UNITS = {word: unit for unit, words in _UNITS.items() for word in words.split()}
#: Several words that are one unit, and the word that stands for them.
_JOINED = re.compile(
    r"(per|pour|por)[ \u00a0](cent|ciento)\b|(basis|percentage)[ -]points?\b|US[ -]?dollars?\b",
    re.IGNORECASE,
)
#: German writes "Urlaubstage", "Kalenderwochen".
_GERMAN_TAIL = re.compile(r"[^\W\d_]+(sekunden|minuten|stunden|tage|tagen|wochen|monate|jahre)$")
#: What ends the words that may be a number's unit.
_STOP = re.compile(r"[.;:,()|\[\]\n\d\x1f]|\s(?:per|pro|par|por|je|each|a|an|und|and)\s")
_NEAR = re.compile(r"[%‰€$£¥°]|[^\s\x1f]+")
_LABELS = re.compile(
    r"(?:\b(?:sections?|sec\.|pages?|pp?\.|seiten?|s\.|chapters?|kapitel|chapitres?|cap[ií]tulos?|forms?"
    r"|formulaires?|formular|formulario|tiers?|levels?|stufe|niveau|nivel|steps?|schritt|[eé]tape|paso"
    r"|fig(?:ure|\.)|tab(?:le|elle|leau|la)|parts?|teil|partie|parte|art(?:icles?|ikel|[ií]culos?|\.)|no\.|nr\."
    r"|rooms?|raum|items?|appendix|annex|anhang|annexe|version|abschnitte?|abs(?:atz|\.)|rule|chap\.)"
    r"|§+|n[º°]|#)[ \u00a0]?$",
    re.IGNORECASE,
)
#: `SmartPay 2`, `Phase 3`: a word with a capital is a label too.
_NAMED = re.compile(r"(?<![\w-])[^\W\d_][\w-]{3,}[ \u00a0]$")
_MENTIONED = re.compile(r"[%‰€$£¥°]|[^\W\d_]+(?:-[^\W\d_]+)*")
REACH = 48
_SAME_LABELS = (
    "section sec abschnitt seccion §", "page p pp seite s pagina", "chapter kapitel chapitre capitulo",
    "form formular formulaire formulario", "level niveau stufe nivel", "step schritt etape paso",
    "table tab tabelle tableau tabla", "part teil partie parte", "article art artikel articulo",
    "appendix annex anhang annexe", "number no nr #",
)  # fmt: skip
_LABEL_OF = {word: words.split()[0] for words in _SAME_LABELS for word in words.split()}
LABELS = frozenset(["", *_LABEL_OF.values()])
ORDINARY = frozenset().union(*STOP_WORDS.values())


def after(text: str, end: int) -> str:
    """The unit that follows the number which ends at `end`; "" if none is known."""
    tail = _JOINED.sub(_one_word, text[end : end + REACH].removeprefix("-").lstrip(" \u00a0\u202f"))
    if cut := _STOP.search(tail):
        tail = tail[: cut.start()]
    for found in _NEAR.findall(tail)[:4]:
        if unit := of_word(found):
            return unit
    return ""


def before(text: str, start: int) -> str:
    """The unit that stands before the number which begins at `start`: `$`, `EUR`, `Section`."""
    head = text[max(0, start - 24) : start]
    if found := _LABELS.search(head) or _NAMED.search(head):
        return label(found[0])
    word = head.rstrip(" \u00a0").rpartition(" ")[2].lstrip("(\u201c\"'").lower()
    return UNITS[word] if word in UNITS and UNITS[word] in CURRENCIES else ""


CURRENCIES = frozenset({"usd", "eur", "gbp", "jpy", "chf"})


def label(text: str) -> str:
    """What stands before a number as its label: one for `Section`, `§` and `Abschnitt`; "" if none."""
    word = fold(text.strip(" \u00a0.").lower())
    plain = word.removesuffix("s") if word.removesuffix("s") in _LABEL_OF else word
    if plain in _LABEL_OF:
        return LABEL + _LABEL_OF[plain]
    named = text[:1].isupper() and word not in ORDINARY and word not in UNITS
    return LABEL + word if named else LABEL if _LABELS.search(text) else ""


def of_word(word: str) -> str:
    """The unit that a word names; "" if none."""
    folded = fold(word.casefold().strip("-'’\u201d\"!?*_"))
    if unit := UNITS.get(folded):
        return unit
    tail = _GERMAN_TAIL.match(folded)
    return UNITS[tail[1]] if tail else ""


def _one_word(found: re.Match[str]) -> str:
    word = found[0].lower()
    return "bps" if "basis" in word else "usd" if "dollar" in word else "%"


def mentioned(text: str) -> frozenset[str]:
    """The units that a text names anywhere."""
    plain = _JOINED.sub(_one_word, text)
    return frozenset(filter(None, map(of_word, set(_MENTIONED.findall(plain)))))
