"""Days and times of sheets: serial numbers to what a date format shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

#: Last day that sheets know: 31 December 9999, counted from either epoch.
LAST_DAY = {False: 2_958_465, True: 2_957_003}
_DAY_MS = 86_400_000

_NAMES = {
    "en": (
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Mon Tue Wed Thu Fri Sat Sun",
    ),
    "de": (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo Di Mi Do Fr Sa So",
    ),
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun. mar. mer. jeu. ven. sam. dim.",
    ),
    "it": (
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "lun mar mer gio ven sab dom",
    ),
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom",
    ),
}
#: Primary language of a Windows locale id (its low ten bits).
_LANGUAGES = {0x07: "de", 0x09: "en", 0x0A: "es", 0x0C: "fr", 0x10: "it"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A serial number taken apart. `weekday` counts from Monday; `total_ms` from the epoch."""

    year: int
    month: int
    day: int
    weekday: int
    ms: int
    total_ms: int


def language_of(locale: str) -> str:
    """The language of a locale id in hex as formats write it ("407"), "" for others ("F800")."""
    try:
        return _LANGUAGES.get(int(locale, 16) & 0x3FF, "")
    except ValueError:
        return ""


def moment(serial: float, *, date1904: bool, step_ms: int) -> Moment | None:
    """`serial` rounded to `step_ms`; None for what sheets show as no date (negative, after 9999)."""
    if not 0 <= serial < LAST_DAY[date1904] + 1:
        return None
    total = int(serial * _DAY_MS / step_ms + 0.5) * step_ms
    days, ms = divmod(total, _DAY_MS)
    if days > LAST_DAY[date1904]:
        return None
    year, month, day, weekday = _day(days, date1904=date1904)
    return Moment(year, month, day, weekday, ms, total)


def _day(days: int, *, date1904: bool) -> tuple[int, int, int, int]:
    if date1904:
        found = date(1904, 1, 1) + timedelta(days)
    elif days == 60:
        return 1900, 2, 29, 2  # a day that never was: Lotus counted it, and sheets do to this day
    elif days == 0:
        return 1900, 1, 0, 5
    else:
        found = date(1899, 12, 31) + timedelta(days - (days > 60))
    # The count's weekdays before the day that never was are one off; shown is what sheets show.
    early = not date1904 and days < 60
    return found.year, found.month, found.day, (found.weekday() - early) % 7


def shown(tokens: Sequence[tuple[str, str]], at: Moment, language: str) -> str:
    """Tokens ("date", "yyyy"), ("elapsed", "hh"), ("half", "AM/PM"), ("sub", "00"), ("text", "...")."""
    tokens = [(kind, value if kind == "text" else value.lower()) for kind, value in tokens]
    twelve = any(kind == "half" for kind, _ in tokens)
    parts = []
    for index, (kind, value) in enumerate(tokens):
        if kind == "date":
            minutes = value.startswith("m") and len(value) <= 2 and _is_minutes(tokens, index)
            parts.append(_part("i" * len(value) if minutes else value, at, language, twelve))
        elif kind == "elapsed":
            unit = {"h": 3_600_000, "m": 60_000, "s": 1_000}[value[0]]
            parts.append(str(at.total_ms // unit).zfill(min(len(value), 9)))
        elif kind == "half":
            late = at.ms >= _DAY_MS // 2
            parts.append(("P" if late else "A") + ("M" if len(value) > 3 else ""))
        elif kind == "sub":
            parts.append("." + f"{at.ms % 1000:03}"[: len(value)])
        else:
            parts.append(value)
    return "".join(parts)


def _is_minutes(tokens: Sequence[tuple[str, str]], index: int) -> bool:
    """`m` after hours or before seconds means minutes, else months."""
    before = next((v for k, v in reversed(tokens[:index]) if k in ("date", "elapsed")), "")
    after = next((v for k, v in tokens[index + 1 :] if k in ("date", "elapsed")), "")
    return before.startswith("h") or after.startswith("s")


def _part(code: str, at: Moment, language: str, twelve: bool) -> str:
    months, short_months, days, short_days = (
        names.split() for names in _NAMES.get(language, _NAMES["en"])
    )
    letter, length = code[0], len(code)
    if letter == "y":
        return f"{at.year % 100:02}" if length <= 2 else f"{at.year:04}"
    if letter == "m" and length >= 3:
        name = (short_months if length == 3 else months)[at.month - 1]
        return name[0] if length == 5 else name
    if letter == "d" and length >= 3:
        return (short_days if length == 3 else days)[at.weekday]
    hours = at.ms // 3_600_000
    number = {
        "m": at.month,
        "d": at.day,
        "h": (hours % 12 or 12) if twelve else hours,
        "i": at.ms // 60_000 % 60,
        "s": at.ms // 1000 % 60,
    }.get(letter)
    return "" if number is None else str(number).zfill(min(length, 2))
