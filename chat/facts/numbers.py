"""Numbers in digits, codes, phone numbers, addresses. Pure."""

import re
from collections.abc import Iterator
from decimal import Decimal

from chat.facts import units
from chat.facts.fact import LABEL, Fact

_ADDRESS = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|(?:https?://|www\.)[^\s<>()\[\]\"']{3,500}"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.(?:com|org|gov|edu|net|mil|info|example|de|fr|es|eu|uk|ch|at)\b(?:/[\w./%?=&#-]*)?",
    re.IGNORECASE,
)
#: A token of letters and digits; who reads it decides what it is.
_TOKEN = re.compile(r"\w+(?:[-/._]\w+)*")
_PHONE = re.compile(
    r"(?<![\w.,])(?<!\d[ .-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?"
    r"\d{2,5}(?:[ .-]\d{2,5}){1,4}(?![\w]|[.,]\d)"
)
_FISCAL = re.compile(
    r"\b(?:FY|fiscal year|Geschäftsjahr|exercice|ejercicio)[ -]?(\d{4}|\d{2})\b", re.I
)
_ITEM = re.compile(r"(?m)^[ \t]*(?:[-*•][ \t]+)?\d{1,2}[.)][ \t]+(?=\S)")
_FRACTION = re.compile(r"(?<![\w/.,])(\d{1,2})/(\d{1,2})(?![\w/]|[.,]\d)")
_DIGITS = re.compile(
    r"(?<![\w])(\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d{1,6}(?!\d))?|\d+(?:[.,]\d+)*)"
    r"(?:[ \u00a0\u202f]?(k|K|M|bn|Mio|Mrd|[Mm]illi?one?[ns]?|[Mm]illón|[Mm]illones|[Mm]illionen|[Bb]illions?"
    r"|[Mm]illiarden?|[Mm]illiards?|[Tt]housand|[Tt]ausend|[Mm]il|[Mm]ille)\b\.?)?"
    r"(st|nd|rd|th|er|ère|e|ème|º|ª)?(?![^\W\d_]|\d)"
)
_GLUED = re.compile(r"(\d+(?:[.,]\d+)*)(-?)([^\W\d_]+|%)")
_SUFFIXES = ("st", "nd", "rd", "th", "er", "ère", "e", "ème")
_ROUGH = re.compile(
    r"(?:\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|circa|ca\.|etwa|rund|ungefähr|knapp"
    r"|gut|fast|environ|près de|quelque|unos|unas|alrededor de|aproximadamente|cerca de|casi)|[~≈])"
    r"[ \u00a0]?(?:[$€£]|US\$)?$",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[.,'’ \u00a0\u202f]")
#: Digits of a number that is counted with; what is longer is a code.
LONGEST = 18
_NO_SIGN = re.compile(r"[\W_]")


def addresses(text: str) -> Iterator[Fact]:
    """E-mail addresses and links, as they are compared."""
    for found in _ADDRESS.finditer(text):
        key = re.sub(r"^(?:https?://)?(?:www\.)?", "", found[0].lower()).rstrip("./,;:!?*_")
        yield Fact("code", *found.span(), (key,))


def fiscal(text: str) -> Iterator[Fact]:
    """`FY24` and `fiscal year 2024`."""
    for found in _FISCAL.finditer(text):
        year = int(found[1]) + (2000 if len(found[1]) == 2 else 0)
        yield Fact("date", *found.span(), ((year, None, None),))


def phones(text: str) -> Iterator[Fact]:
    """Phone numbers and other long numbers in groups."""
    for found in _PHONE.finditer(text):
        groups = re.findall(r"\d+", found[0])
        digits = "".join(groups)
        if len(digits) < 7 or _is_amount(found[0], groups):
            continue
        key = digits.lstrip("0")
        keys = (
            key,
            *(key[n:] for n in (1, 2, 3) if found[0].startswith("+")),
            key.removeprefix("1"),
        )
        yield Fact("code", *found.span(), tuple(dict.fromkeys(keys)))


def _is_amount(text: str, groups: list[str]) -> bool:
    if text.startswith(("+", "(", "0")):
        return False
    grouped = all(len(group) == 3 for group in groups[1:]) and "-" not in text
    years = all(len(group) == 4 for group in groups)
    return grouped or years or ("-" not in text and len(groups) < 3)


def codes(text: str) -> Iterator[Fact]:
    """`GS-13`, `PS0010`, `M-24-15`, `2.5.1`: letters with digits, and numbers with several dots."""
    for found in _TOKEN.finditer(text):
        token = found[0]
        digits = any(letter.isdigit() for letter in token)
        letters = digits and any(letter.isalpha() for letter in token)
        if not digits or (letters and _is_number(token)):
            continue
        if letters or (token.count(".") > 1 and not _grouped(token)):
            yield Fact("code", *found.span(), tuple(_spellings(token)))


def _is_number(token: str) -> bool:
    """`7-day`, `5GB`, `3rd`, `10k`: a number with what it counts."""
    found = _GLUED.fullmatch(token)
    if not found:
        return False
    return (
        bool(found[2])
        or found[3] in _SUFFIXES
        or found[3] in "kKM"
        or bool(units.of_word(found[3]))
    )


def _spellings(token: str) -> Iterator[str]:
    plain = token.casefold().removeprefix("v") if token[:2].lower() != "v" else token
    yield _NO_SIGN.sub("" if any(map(str.isalpha, plain)) else ".", plain)


def items(text: str) -> Iterator[Fact]:
    """Numbers that only count the lines of a list."""
    for found in _ITEM.finditer(text):
        yield Fact("number", *found.span(), soft=True)


def fractions(text: str) -> Iterator[Fact]:
    for found in _FRACTION.finditer(text):
        above, below = int(found[1]), int(found[2])
        half: tuple[Decimal, ...] = (Decimal(above) / below,) if 0 < above < below <= 10 else ()
        if half:
            yield Fact("number", *found.span(), (), half, units.after(text, found.end()))
        else:
            yield Fact("code", *found.span(), (f"{above}/{below}",))


def amounts(text: str) -> Iterator[Fact]:
    """Numbers in digits, with what they count."""
    for found in _DIGITS.finditer(text):
        digits, scale, ordinal = found.groups()
        if sum(map(str.isdigit, digits)) > LONGEST:
            yield Fact("code", *found.span(), (re.sub(r"\D", "", digits),))
            continue
        values = tuple(dict.fromkeys(_readings(digits)))
        unit = units.before(text, found.start(1))
        if not unit or unit.startswith(LABEL):
            unit = units.after(text, found.end()) or ("ordinal" if ordinal else unit)
        yield _amount(text, found, values, scale or "", unit)


def _amount(
    text: str, found: re.Match[str], values: tuple[Decimal, ...], scale: str, unit: str
) -> Fact:
    power = Decimal(10) ** _power(scale)
    rough = scale or _ROUGH.search(text[max(0, found.start() - 24) : found.start()])
    slack = max(_place(value) for value in values) * power / 2 if rough else Decimal(0)
    return Fact(
        "number",
        *found.span(),
        (),
        tuple(value * power for value in values),
        unit,
        slack,
        bare=values[0] if scale else None,
    )


def _power(scale: str) -> int:
    word = scale.lower().rstrip(".")
    if word.startswith(("milliard", "mrd", "b")):
        return 9
    if word in ("mil", "mille") or word.startswith(("k", "t")):
        return 3
    return 6 if word else 0


def _place(value: Decimal) -> Decimal:
    """The last place that a rounded number tells: 100 of 500, 0.1 of 3.5."""
    digits = value.normalize().as_tuple()
    return Decimal(10) ** int(digits.exponent)


def _readings(digits: str) -> Iterator[Decimal]:
    """What digits with separators may mean: `1.234` is 1234 in German, and a little more than one."""
    signs = _SEPARATORS.findall(digits)
    if not signs:
        yield Decimal(digits)
        return
    last = signs[-1]
    whole, _, cut = digits.rpartition(last)
    if _grouped(digits):
        yield Decimal(_SEPARATORS.sub("", digits))
    if last in ".," and signs.count(last) == 1:
        yield Decimal(f"{_SEPARATORS.sub('', whole)}.{cut}")
    elif not _grouped(digits):
        yield Decimal(_SEPARATORS.sub("", digits))


def _grouped(digits: str) -> bool:
    groups = _SEPARATORS.split(digits)
    same = len(set(_SEPARATORS.findall(digits))) == 1
    return same and len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
