"""Days, months, weekdays and times, in English, German, French and Spanish. Pure."""

import re
from collections.abc import Iterator

from chat.facts.fact import Day, Fact

_MONTHS = (
    "january jan januar janvier janv enero ene",
    "february feb februar février févr febrero",
    "march mar märz mrz mars marzo",
    "april apr avril avr abril abr",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet juil julio",
    "august aug août agosto ago",
    "september sept sep septembre septiembre setiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre déc diciembre dic",
)
MONTHS = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_WEEKDAYS = (
    "monday mondays mon montag montags lundi lundis lunes",
    "tuesday tuesdays tue tues dienstag dienstags mardi mardis martes",
    "wednesday wednesdays wed mittwoch mittwochs mercredi mercredis miércoles",
    "thursday thursdays thu thur thurs donnerstag donnerstags jeudi jeudis jueves",
    "friday fridays fri freitag freitags vendredi vendredis viernes",
    "saturday saturdays samstag samstags sonnabend samedi samedis sábado sábados",
    "sunday sundays sonntag sonntags dimanche dimanches domingo domingos",
)
WEEKDAYS = {word: number for number, words in enumerate(_WEEKDAYS, 1) for word in words.split()}
#: Small letters that are ordinary words.
_ORDINARY = "may march august mar jan ago abr ene set mon wed sat sun dic oct dec jun"
_COMMON = frozenset(_ORDINARY.split())
#: Words that a month alone may follow, where the month could be another word.
_LEADS = re.compile(
    r"(?:\b(?:in|of|by|until|till|since|from|to|and|or|through|before|after|during|late|early|im|mid"
    r"|each|every)|[-–,/(|])[ -]?$",
    re.I,
)
_NAME = "|".join(sorted(MONTHS, key=len, reverse=True))
_TH = r"(?:st|nd|rd|th|er|\.|º|ª)?"
_YEAR = r"(?:\.?,?[ \u00a0-]{1,2}(?:(?:de|del|of)[ ])?(\d{4})(?![\d%]|[.,]\d))?"
_DAY_FIRST = re.compile(
    rf"(?<![\w.,/:-])(?:(\d{{1,2}}){_TH}[ ]?(?:-|–|to|and|bis|und|au|et|al|y)[ ]?)?"
    rf"(\d{{1,2}}){_TH}[ \u00a0-]?"
    rf"(?:(?:of|de)[ ])?({_NAME})\b{_YEAR}",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"\b({_NAME})\b\.?[ \u00a0](\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d)"
    rf"(?:[ ]?(?:-|–|to|and|through)[ ]?(\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d))?{_YEAR}",
    re.IGNORECASE,
)
_MONTH = re.compile(rf"\b({_NAME})\b{_YEAR}", re.IGNORECASE)
_ISO = re.compile(r"(?<![\w.-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d|[-/.]\d)")
_DIGITS = re.compile(
    r"(?<![\w./-])(\d{1,2})([./-])[ ]?(\d{1,2})\2[ ]?(\d{4}|\d{2})(?![\d/]|[.-]\d)"
)
_YEAR_MONTH = re.compile(r"(?<![\w.-])((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![\w-])")
_WEEKDAY = re.compile(rf"\b({'|'.join(sorted(WEEKDAYS, key=len, reverse=True))})\b", re.IGNORECASE)
_HALF = r"(?:[ \u00a0]?([ap])\.?[ ]?m\b\.?|[ \u00a0]?(Uhr|o['’]clock|hrs)\b)"
_TIME = re.compile(
    rf"(?<![\w.:,$€£])(?:(\d{{1,2}})(?:[:.](\d\d))?[ ]?(?:-|–|to|and|bis|und)[ ]?)?"
    rf"(\d{{1,2}})(?:[:.h](\d\d))?{_HALF}",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?<![\w.:,])(\d{1,2})(?::|(?<=\d)h)(\d\d)(?::\d\d)?(?![\d%:])")
_NOON = re.compile(
    r"\b(?:(noon|mittags|midi|mediod[ií]a)|(midnight|mitternacht|minuit|medianoche))\b", re.I
)


def dates(text: str) -> Iterator[Fact]:
    """The days and months that a text names; one fact for each, spans may come twice for a range."""
    for shape in (_written_digits, _written_months):
        yield from shape(text)


def _written_digits(text: str) -> Iterator[Fact]:
    for found in _ISO.finditer(text):
        yield from _fact(found, [_day(found[1], found[2], found[3])])
    for found in _DIGITS.finditer(text):
        year = found[4] if len(found[4]) == 4 else f"20{found[4]}"
        yield from _fact(found, [_day(year, found[3], found[1]), _day(year, found[1], found[3])])
    for found in _YEAR_MONTH.finditer(text):
        yield from _fact(found, [(int(found[1]), int(found[2]), None)])


def _written_months(text: str) -> Iterator[Fact]:
    taken: set[int] = set()
    for found in _DAY_FIRST.finditer(text):
        taken.add(found.start(3))
        yield from _days(found, found[4], found[3], (found[1], found[2]))
    for found in _MONTH_FIRST.finditer(text):
        if found.start(1) not in taken:
            taken.add(found.start(1))
            yield from _days(found, found[4], found[1], (found[2], found[3]))
    for found in _MONTH.finditer(text):
        if found.start() not in taken and (found[2] or _is_month(text, found)):
            month = MONTHS[found[1].lower()]
            yield from _fact(found, [(int(found[2]) if found[2] else None, month, None)])


def _days(
    found: re.Match[str], year: str | None, month: str, days: tuple[str | None, str | None]
) -> Iterator[Fact]:
    number = str(MONTHS[month.lower()])
    for day in days:
        if day:
            yield from _fact(found, [_day(year, number, day)])


def _is_month(text: str, found: re.Match[str]) -> bool:
    """Whether a word that may be a month ("may", "march", "ago") is one."""
    word = found[1]
    if word.lower() not in _COMMON:
        return len(word) > 3 or word[0].isupper()
    if not word[0].isupper():
        return False
    return (len(word) == 3 and word.lower() != "may") or bool(
        _LEADS.search(text[: found.start()][-12:])
    )


def _day(year: str | None, month: str, day: str) -> Day | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return (int(year) if year else None, int(month), int(day))


def _fact(found: re.Match[str], days: list[Day | None]) -> Iterator[Fact]:
    keys = tuple(dict.fromkeys(day for day in days if day))
    if keys:
        yield Fact("date", *found.span(), keys)


def weekdays(text: str) -> Iterator[Fact]:
    for found in _WEEKDAY.finditer(text):
        word = found[0].lower()
        if word not in _COMMON or found[0][0].isupper():
            yield Fact("date", *found.span(), (f"weekday {WEEKDAYS[word]}",))


def times(text: str) -> Iterator[Fact]:
    """Times that say so (`9 am`, `15:30 Uhr`), in minutes from midnight."""
    for found in _TIME.finditer(text):
        for hour, minute in ((found[1], found[2]), (found[3], found[4])):
            if hour:
                yield from _time(found, int(hour), int(minute or 0), (found[5] or "").lower())


def clock(text: str) -> Iterator[Fact]:
    """Times as `9:00` and `9h30`, and noon."""
    for found in _CLOCK.finditer(text):
        yield from _time(found, int(found[1]), int(found[2]), "")
    for found in _NOON.finditer(text):
        yield Fact("time", *found.span(), (12 * 60 if found[1] else 0,), soft=True)


def _time(found: re.Match[str], hour: int, minute: int, half: str) -> Iterator[Fact]:
    if hour > 24 or minute > 59:
        return
    hours = [hour % 12 + (12 if half == "p" else 0)] if half else [hour]
    if (
        not half
        and hour < 12
        and not (found[0].lower().endswith("uhr") or found[0].startswith("0"))
    ):
        hours.append(hour + 12)
    yield Fact("time", *found.span(), tuple((each % 24) * 60 + minute for each in hours))
