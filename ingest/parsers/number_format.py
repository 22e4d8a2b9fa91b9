"""Numbers of sheets as a person sees them: a value and its Excel number format to text. Pure.

Separators, month names and the system's own dates (formats 14, 22) follow the locale of the file,
as far as it is known (sheet_locale); English has ISO 8601 for the latter.
"""

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from ingest.parsers import sheet_dates
from ingest.parsers.sheet_codes import GENERAL, SYSTEM_DATE, Section, sections
from ingest.parsers.sheet_locale import ENGLISH, Locale

#: Digits of an integer that a double keeps. Excel shows more than eleven of a number without a
#: format as 1.2E+12; whoever looks up an article number needs all of them.
MAX_INTEGER = 10**15

_CONTEXT = Context(prec=1_000, rounding=ROUND_HALF_UP)


def render(value: object, code: str, *, date1904: bool = False, locale: Locale = ENGLISH) -> str:
    """What a cell of `value` (number, text, truth) shows under the format `code`. Raises nothing."""
    if isinstance(value, bool):
        return locale.true if value else locale.false
    if not isinstance(value, int | float):
        return _text(str(value), sections(code))
    if not _is_finite(value):
        return "#NUM!"
    if code == GENERAL:
        return general(value, locale.decimal)
    if locale.date:
        code = code.replace(SYSTEM_DATE, locale.date)
    section, unsigned = _choose(value, code)
    number = abs(value) if unsigned else value
    if section.is_date:
        return _date(number, section, locale, date1904=date1904).strip()
    return " ".join(_number(number, section, locale).split())


def is_date(code: str) -> bool:
    """Whether `code` shows a number as a day or a time."""
    return sections(code)[0].is_date


def exact(value: object, code: str, locale: Locale = ENGLISH) -> str:
    """The whole number that a format rounds away to units or thousands, "" where it keeps decimals.

    A person who needs the cents selects the cell; a passage has no cell to select.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return ""
    section, _ = _choose(value, code)
    if not section.has("digit") or section.is_date or section.has("exponent"):
        return ""
    if any(kind == "sign" and sign in "./%" for kind, sign in section.tokens):
        return ""
    hidden = value != int(value) or (_scale(section)[1] > 0 and int(value) % 1000 != 0)
    return _plain(value).replace(".", locale.decimal) if hidden else ""


def general(value: float, decimal: str = ".") -> str:
    """Without a format: no needless zeros, at most eleven digits of a fraction."""
    if abs(value) < MAX_INTEGER and value == int(value):
        return str(int(value))
    mantissa, _, exponent = f"{float(value):.10e}".partition("e")
    if -10 <= int(exponent) < 15:
        text = f"{Decimal(f'{float(value):.11g}'):f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text.replace(".", decimal)
    mantissa = f"{float(mantissa):.5f}".rstrip("0").rstrip(".").replace(".", decimal)
    return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no cell could hold
        return False


def _plain(value: float) -> str:
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- choosing a section ---------------------------------------------------------------------------
@lru_cache(maxsize=1_000)
def _numeric(code: str) -> list[Section]:
    """The sections that show numbers."""
    found = [section for section in sections(code)[:3] if ("sign", "@") not in section.tokens]
    return found or [Section([("general", GENERAL)])]


def _choose(value: float, code: str) -> tuple[Section, bool]:
    """The section for a number, and whether it shows the number without its sign."""
    numeric = _numeric(code)
    if any(section.condition for section in numeric):
        return _by_condition(value, numeric)
    if len(numeric) > 1 and value < 0:
        return numeric[1], True
    if len(numeric) > 2 and value == 0:
        return numeric[2], False
    return numeric[0], False


def _by_condition(value: float, numeric: list[Section]) -> tuple[Section, bool]:
    for index, section in enumerate(numeric):
        condition = section.condition
        if condition is None and index == 1 and len(numeric) > 2 and value >= 0:
            continue
        if condition is None or _holds(value, *condition):
            below = condition is not None and condition[0] in ("<", "<=") and condition[1] <= 0
            rest = condition is None and index == 1 and _leaves_negative(numeric[0])
            return section, value < 0 and (below or rest)
    return Section([("text", "#")]), False


def _leaves_negative(section: Section) -> bool:
    return section.condition is not None and section.condition[0] in (">", ">=")


def _holds(value: float, operator: str, limit: float) -> bool:
    return {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }[operator]


# --- showing --------------------------------------------------------------------------------------
def _text(value: str, parts: tuple[Section, ...]) -> str:
    section = parts[-1]
    if len(parts) == 4 and not section.tokens:
        return ""
    if ("sign", "@") not in section.tokens:
        return value
    return "".join(value if part == ("sign", "@") else part[1] for part in section.tokens).strip()


def _date(value: float, section: Section, locale: Locale, *, date1904: bool) -> str:
    fine = max((len(token) for kind, token in section.tokens if kind == "sub"), default=0)
    at = sheet_dates.moment(value, date1904=date1904, step_ms=10 ** max(0, 3 - fine))
    if at is None:
        return general(value, locale.decimal)
    return sheet_dates.shown(section.tokens, at, section.language or locale.language)


def _number(value: float, section: Section, locale: Locale) -> str:
    if not section.has("digit"):
        parts = [
            general(abs(value), locale.decimal) if k == "general" else t for k, t in section.tokens
        ]
        shown = "".join(parts)
        return f"-{shown}" if value < 0 and shown.strip() else shown
    exact_value = abs(Decimal(repr(value)))
    if section.has("exponent"):
        shown = _scientific(exact_value, section.tokens, locale)
    elif ("sign", "/") in section.tokens and ("sign", ".") not in section.tokens:
        shown = _fraction(exact_value, section.tokens)
    else:
        shown = _decimal(exact_value, section, locale)
    negative = value < 0 and any(c in "123456789" for c in shown)
    return f"-{shown}" if negative else shown


def _scale(section: Section) -> tuple[int, int]:
    """How often a section takes a percentage, and how many thousands it leaves out."""
    percents = sum(token == ("sign", "%") for token in section.tokens)
    thousands = 0
    signs = [t for t in section.tokens if t[0] == "digit" or t[1] in (",", ".")]
    whole = signs[: signs.index(("sign", "."))] if ("sign", ".") in signs else signs
    for part in (signs, whole):
        trailing = len(part) - len("".join(v for _, v in part).rstrip(","))
        thousands = max(thousands, trailing)
    return percents, thousands


def _decimal(value: Decimal, section: Section, locale: Locale) -> str:
    percents, thousands = _scale(section)
    tokens = section.tokens
    place = tokens.index(("sign", ".")) if ("sign", ".") in tokens else len(tokens)
    whole, decimals = tokens[:place], tokens[place:]
    places = sum(kind == "digit" for kind, _ in decimals)
    scaled = value.scaleb(2 * percents - 3 * thousands, _CONTEXT)
    rounded = scaled.quantize(Decimal(1).scaleb(-places), context=_CONTEXT)
    digits, _, fraction = f"{rounded:f}".partition(".")
    return _whole(digits, whole, locale.thousands) + _decimals(fraction, decimals, locale.decimal)


def _whole(digits: str, tokens: list[tuple[str, str]], thousands: str = ",") -> str:
    """Digits put into their places from the right; the first place takes all that are left."""
    digits = digits.lstrip("0")
    places = [index for index, token in enumerate(tokens) if token[0] == "digit"]
    grouped = bool(places) and ("sign", ",") in tokens[places[0] : places[-1]]
    parts: list[str] = []
    count = 0
    for index in range(len(tokens) - 1, -1, -1):
        kind, sign = tokens[index]
        if kind != "digit":
            parts.append(sign.replace(",", "") if kind == "sign" else sign)
            continue
        taken = digits if index == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        for digit in reversed(taken or {"0": "0", "?": " "}.get(sign, "")):
            parts.append(thousands if grouped and count and count % 3 == 0 and digit != " " else "")
            parts.append(digit)
            count += 1
    # Without a place before the point, all digits go there.
    return "".join(reversed(parts)) + digits


def _decimals(fraction: str, tokens: list[tuple[str, str]], point: str) -> str:
    parts: list[str] = []
    kept = len(fraction.rstrip("0"))
    index = 0
    for kind, sign in tokens:
        if kind != "digit":
            parts.append({",": "", ".": point}.get(sign, sign) if kind == "sign" else sign)
            continue
        filling = {"0": "0", "?": " "}.get(sign, "")
        parts.append(fraction[index] if index < kept else filling)
        index += 1
    return "".join(parts)


def _scientific(value: Decimal, tokens: list[tuple[str, str]], locale: Locale) -> str:
    place = next(index for index, token in enumerate(tokens) if token[0] == "exponent")
    mantissa, power = tokens[:place], tokens[place + 1 :]
    point = mantissa.index(("sign", ".")) if ("sign", ".") in mantissa else len(mantissa)
    step = max(1, sum(kind == "digit" for kind, _ in mantissa[:point]))
    exponent = value.adjusted() // step * step if value else 0
    shown = _decimal(value.scaleb(-exponent, _CONTEXT), Section(mantissa), locale)
    if step == 1 and shown.startswith("10"):  # 9.99 rounded up
        exponent += 1
        shown = _decimal(value.scaleb(-exponent, _CONTEXT), Section(mantissa), locale)
    sign = "-" if exponent < 0 else "+" if tokens[place][1][1] == "+" else ""
    return f"{shown}E{sign}{_whole(str(abs(exponent)), power)}"


def _fraction(value: Decimal, tokens: list[tuple[str, str]]) -> str:
    slash = tokens.index(("sign", "/"))
    fixed = re.match(r"[1-9]\d*", "".join(sign for _, sign in tokens[slash + 1 :]).strip())
    whole = int(value) if _is_mixed(tokens[:slash]) else 0
    rest = Fraction(value) - whole
    if fixed:
        bottom = int(fixed[0])
        top = round(rest * bottom)
    else:
        places = sum(kind == "digit" for kind, _ in tokens[slash + 1 :])
        top, bottom = rest.limit_denominator(10 ** min(max(1, places), 7) - 1).as_integer_ratio()
    if _is_mixed(tokens[:slash]) and top == bottom:
        whole, top = whole + 1, 0
    if _is_mixed(tokens[:slash]) and not top:
        return str(whole)
    return f"{whole} {top}/{bottom}" if whole else f"{top}/{bottom}"


def _is_mixed(tokens: list[tuple[str, str]]) -> bool:
    """Whether whole numbers have a place of their own before the fraction."""
    kinds = [kind for kind, _ in tokens]
    return "digit" in kinds and "text" in kinds[kinds.index("digit") :]
