"""Number formats of sheets taken apart: sections of tokens. Pure."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from ingest.parsers import sheet_dates

#: Letters of a format that Excel allows; a longer one is no format.
MAX_CODE = 255
GENERAL = "General"
#: What the system of the reader shows; written so that no code of a file is the same by chance.
SYSTEM_DATE = "[$-SYS]yyyy-mm-dd"
#: Formats that have an id only (ECMA-376, 18.8.30).
BUILTIN = {
    0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;-$#,##0",
    6: "$#,##0;[Red]-$#,##0", 7: "$#,##0.00;-$#,##0.00", 8: "$#,##0.00;[Red]-$#,##0.00",
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: SYSTEM_DATE,
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: f"{SYSTEM_DATE} h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;[Red](#,##0.00)", 41: "#,##0", 42: "$#,##0",
    43: "#,##0.00", 44: "$#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0",
    49: "@",
}  # fmt: skip

_TOKEN = re.compile(
    r'"([^"]*)"?'  # 1 literal
    r"|\\(.)|_(.)|\*(.)"  # 2 escaped, 3 a gap as wide as a letter, 4 filling
    r"|\[([^\]]*)\]"  # 5 colour, condition, currency, elapsed time
    r"|(general)"  # 6
    r"|(am/pm|a/p|\u4e0a\u5348/\u4e0b\u5348)"  # 7
    r"|(e[+-])"  # 8 exponent
    r"|(y+|m+|d+|h+|s+)"  # 9
    r"|([0#?])|([.,%/@;])|(.)",  # 10 digit, 11 sign, 12 anything else
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)\s*")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)


@dataclass(slots=True)
class Section:
    """One of the parts between semicolons. Tokens: (kind, value)."""

    tokens: list[tuple[str, str]] = field(default_factory=list)
    condition: tuple[str, float] | None = None
    #: Of its month names, "" where it does not say.
    language: str = ""

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.tokens)

    @property
    def is_date(self) -> bool:
        """Letters beside places of digits are no date: programs write `0 Std` without quotes."""
        return self.has("date", "elapsed", "half") and not self.has("digit")


@lru_cache(maxsize=1_000)
def sections(code: str) -> tuple[Section, ...]:
    code = code if 0 < len(code) <= MAX_CODE else GENERAL
    found = [Section()]
    for match in _TOKEN.finditer(code):
        if match[11] == ";":
            found.append(Section())
        else:
            _add(found[-1], match)
    return tuple(found[:4])


def _add(section: Section, match: re.Match[str]) -> None:
    group = match.lastindex or 12
    value = match[group]
    kinds = {6: "general", 7: "half", 8: "exponent", 9: "date", 10: "digit", 11: "sign"}
    if group == 5:
        _add_bracket(section, value)
    elif group == 3:
        section.tokens.append(("text", " "))
    elif group == 4:
        return
    elif group in kinds:
        section.tokens.append((kinds[group], value))
        if section.has("date", "elapsed"):
            _join_fraction(section)
    else:
        section.tokens.append(("text", value))


def _add_bracket(section: Section, value: str) -> None:
    if condition := _CONDITION.fullmatch(value):
        section.condition = (condition[1], float(condition[2]))
    elif value.startswith("$"):
        symbol, _, locale = value[1:].partition("-")
        section.language = sheet_dates.language_of(locale.split(",")[0][-4:])
        if symbol:
            section.tokens.append(("text", symbol))
    elif _ELAPSED.fullmatch(value):
        section.tokens.append(("elapsed", value.lower()))


def _join_fraction(section: Section) -> None:
    """`ss.00`: a point and zeros after seconds are parts of a second."""
    tokens = section.tokens
    if tokens[-1] != ("digit", "0") or len(tokens) < 2:
        return
    if tokens[-2][0] == "sub":
        tokens[-2:] = [("sub", tokens[-2][1] + "0")]
    elif tokens[-2] == ("sign", ".") and len(tokens) > 2 and tokens[-3][1][0] in "sS":
        tokens[-2:] = [("sub", "0")]
