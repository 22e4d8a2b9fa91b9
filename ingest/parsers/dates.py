"""Days and times as people and programs write them, to ISO 8601. Pure."""

import re
from contextlib import suppress
from datetime import datetime

#: No date is longer; what is, is a text.
MAX_LENGTH = 60
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(.*)")
_FORMS = ("%d.%m.%Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y%m%d")


def iso(said: str) -> str:
    """A day ("2024-05-06") or a time with its zone if it has one; "" for what is neither.

    Cannot read 05/06/2024, which is two days, and months in languages other than English.
    """
    said = " ".join(said[:MAX_LENGTH].split())
    if match := _DAY.fullmatch(said):
        said = f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}{match[4]}"
    with suppress(ValueError):
        found = datetime.fromisoformat(re.sub(r" (?=[+-]\d\d)", "", said))
        return found.isoformat() if ":" in said or "T" in said else found.date().isoformat()
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(said, form).date().isoformat()  # noqa: DTZ007 (a day has no zone)
    from email.utils import parsedate_to_datetime  # it loads half of the network library

    with suppress(ValueError, TypeError, IndexError):
        return parsedate_to_datetime(said).isoformat()
    return ""
