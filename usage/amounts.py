"""An amount as somebody wrote it -> a number; or, where it could be two numbers, how to write either."""

import re
from decimal import Decimal

from django.utils.translation import gettext as _

#: Between groups of three digits, in some countries.
_SPACES = re.compile("(?<=[0-9])['\u2019 \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
#: What may stand before decimals, and then between groups.
_MARKS = {".": ",", ",": "."}


class Unclear(ValueError):
    """TEXT is a number with decimals or one of thousands. `small`, `large`: how either is written."""

    def __init__(self, text: str, small: str, large: str) -> None:
        super().__init__(text)
        self.text, self.small, self.large = text, small, large

    @property
    def told(self) -> str:
        words = {"text": self.text, "small": self.small, "large": self.large}
        return _("“%(text)s” can be read in two ways. Write %(small)s or %(large)s.") % words


def read(text: str, decimal: str = "") -> Decimal:
    """The number that TEXT is. DECIMAL: the mark before decimals where it was written; "": not known.

    Raises Unclear, or ValueError for what is no number.
    """
    plain = _SPACES.sub("", text.strip())
    found = {mark: number for mark in _MARKS if (number := _by(mark, plain)) is not None}
    if not found:
        raise ValueError(text)
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    if decimal and decimal in plain:
        return found[decimal]
    small, large = sorted(found.values(), key=abs)
    shown = f"{small:f}".replace(".", decimal) if decimal else f"{plain}0"
    raise Unclear(text.strip(), shown, f"{large:f}")


def _by(mark: str, plain: str) -> Decimal | None:
    """PLAIN, where MARK stands before decimals; None where it is no number then."""
    group = _MARKS[mark]
    whole = rf"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:\{group}[0-9]{{3}})+)"
    if not re.fullmatch(rf"[+-]?(?:{whole}(?:\{mark}[0-9]*)?|\{mark}[0-9]+)", plain):
        return None
    return Decimal(plain.replace(group, "").replace(mark, "."))
