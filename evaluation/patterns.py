"""Regular expressions that people write: bounded when they are kept, and in time when they are used.

Pure. Nested repeats can search for ever, and counted ones can fill the memory while they are compiled:
the first is ended by a timeout, the second refused before anything compiles it.
"""

from functools import lru_cache
from typing import Any

import regex

MOST_CHARS = 300
#: Of all counted repeats of one pattern, multiplied: `a{20}` has 20, `(a{20}){5}` 100.
MOST_REPEATS = 1_000
#: For one pattern on one answer, which has a few thousand letters.
SECONDS = 0.1

_GROUP = regex.compile(r"\(\?(?!:|=|!|<=|<!|i\))")
_BRACE = regex.compile(r"(?<!\\)(?:\\\\)*\{([^}]*)\}?")
_COUNT = regex.compile(r"(\d{1,3})?(?:,(\d{1,3})?)?")


class BadPattern(ValueError):
    """`why`: "long", "repeats", "group" or "syntax"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def check(pattern: str) -> None:
    """Raises BadPattern for what is too long, repeats too often, or is no regular expression."""
    if len(pattern) > MOST_CHARS:
        raise BadPattern("long")
    if _GROUP.search(pattern):
        raise BadPattern("group")
    if _repeats(pattern) > MOST_REPEATS:
        raise BadPattern("repeats")
    try:
        _compiled(pattern)
    except (regex.error, OverflowError, MemoryError, RecursionError, ValueError) as error:
        raise BadPattern("syntax") from error


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found, whatever the case. One that takes too long, or is none, is not."""
    try:
        check(pattern)
        return _compiled(pattern).search(text, timeout=SECONDS) is not None
    except (BadPattern, TimeoutError):
        return False


def _repeats(pattern: str) -> int:
    product = 1
    for braces in _BRACE.finditer(pattern):
        count = _COUNT.fullmatch(braces[1])
        if count is None or not any(count.groups()):
            raise BadPattern("syntax")  # `{e<5}`: how wrong a match may be; nobody means that here
        product *= max(1, *(int(part) for part in count.groups() if part))
    return product


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> Any:
    return regex.compile(pattern, regex.IGNORECASE | regex.VERSION0)
