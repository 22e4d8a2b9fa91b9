"""Sentences with one number, date or name changed into another plausible one. Pure, deterministic.

What is drawn does not look at the passages: by chance some of it stands there, as it would.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chat.facts import Fact, facts
from chat.facts.dates import MONTHS, WEEKDAYS

NEAR = (-3, -2, -1, 1, 2, 3, 5)
#: Numbers in words that may stand for one another, by language.
WORDS = {
    "en": "two three four five six seven eight nine ten twelve twenty thirty",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn zwölf zwanzig dreißig",
    "fr": "deux trois quatre cinq six sept huit neuf dix douze vingt trente",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta",
}
OUTSIDE = (
    "NOAA", "USPS", "FEMA", "NSF", "EPA", "HUD", "BMW", "IKEA",
    "Barclays", "Denver", "Oregon", "Deloitte", "Norway", "LastPass", "OneDrive", "Zendesk", "Lufthansa",
    "Peter Lindqvist", "Records Board", "Wells Fargo", "Maria Lopez", "Regional Planning Office",
)  # fmt: skip
_WORD = re.compile(r"[\w.,]*\w")
#: Draws for each fact.
EACH = 8
UNITS = "seconds minutes hours days weeks months years"
OTHER_UNIT = {word: UNITS.split() for word in UNITS.split()}
_MODAL = re.compile(r"\b(must|may|should|can|will|is|are|does|do)\b(?! not)")
_DENIED = re.compile(r"\b(must|may|should|can|will|is|are|does|do) not\b")


@dataclass(frozen=True, slots=True)
class Change:
    kind: str
    text: str
    was: str
    now: str


def changes(
    sentence: str, language: str, pool: Sequence[str], seed: str, most: int = 12
) -> Iterator[Change]:
    """Up to `most` changes of the facts of a sentence, and one of its units and of its denial.

    `pool`: names to put in place of others.
    """
    dice = random.Random(seed)  # noqa: S311 (no secret)
    drawn = {
        change.text: change
        for fact in facts(sentence, language)
        if not fact.soft
        for change in _changes(sentence, language, fact, pool, dice)
    }
    yield from dice.sample(list(drawn.values()), min(most, len(drawn)))
    yield from _units(sentence, dice)
    yield from _denials(sentence, language)


def _changes(
    sentence: str, language: str, fact: Fact, pool: Sequence[str], dice: random.Random
) -> Iterator[Change]:
    was = sentence[fact.start : fact.end]
    for now in {_other(fact, was, language, pool, dice): None for _ in range(EACH)}:
        if now and now != was and now not in _WORD.findall(sentence):
            text = sentence[: fact.start] + now + sentence[fact.end :]
            yield Change(fact.kind, text, was, now)


def _other(fact: Fact, was: str, language: str, pool: Sequence[str], dice: random.Random) -> str:
    match fact.kind:
        case "number":
            return _number(was, language, dice)
        case "date":
            return _date(was, dice)
        case "time":
            return re.sub(
                r"\d+",
                lambda hour: str((int(hour[0]) + dice.choice(NEAR)) % 12 or 12),
                was,
                count=1,
            )
        case "code":
            return _code(was, dice)
        case "name":
            return _name(was, dice.choice((OUTSIDE, pool)), dice)


def _name(was: str, pool: Sequence[str], dice: random.Random) -> str:
    """A name of the same shape, from outside or from other answers on the same documents."""
    tail = next(
        (ending for ending in ("'s", "-issued", "s") if was.endswith(ending) and ending != "s"), ""
    )
    alike = [
        name for name in pool if _shape(name) == _shape(was) and name not in was and len(name) < 30
    ]
    return dice.choice(alike) + tail if alike else ""


def _number(was: str, language: str, dice: random.Random) -> str:
    if not re.search(r"\d", was):
        words = list(WORDS.get(language, WORDS["en"]).split())
        now = dice.choice(words)
        return now.capitalize() if was[0].isupper() else now
    return re.sub(r"\d+", lambda digits: _digits(digits[0], dice), was, count=1)


def _digits(was: str, dice: random.Random) -> str:
    """Another number of about the size: 240 becomes 260, 6 becomes 8."""
    value = int(was)
    step = 10 ** max(0, len(was.rstrip("0")) and len(was) - len(was.rstrip("0")))
    return str(max(1, value + dice.choice(NEAR) * step)).zfill(len(was) if was[0] == "0" else 0)


def _date(was: str, dice: random.Random) -> str:
    words = [
        word for word in re.findall(r"[^\W\d_]+", was) if word.lower() in {**MONTHS, **WEEKDAYS}
    ]
    numbers = re.findall(r"\d+", was)
    if words and (not numbers or dice.random() < 0.4):
        table = MONTHS if words[0].lower() in MONTHS else WEEKDAYS
        alike = _neighbours(words[0].lower(), table)
        return was.replace(words[0], dice.choice(alike).capitalize(), 1)
    if not numbers:
        return ""
    number = dice.choice(numbers)
    if len(number) == 4 or was.startswith("FY"):
        return was.replace(number, str(int(number) + dice.choice((-2, -1, 1, 2))), 1)
    return was.replace(number, str((int(number) + dice.choice(NEAR) - 1) % 28 + 1), 1)


def _neighbours(word: str, table: dict[str, int]) -> list[str]:
    """The words of the same list place (full, short, language) for the other months or days."""
    lists: dict[int, list[str]] = {}
    for other, number in table.items():
        lists.setdefault(number, []).append(other)
    full = lists[table[word]].index(word) == 0
    return [
        words[0] if full else max(words, key=lambda w: -abs(len(w) - len(word)))
        for n, words in lists.items()
        if n != table[word]
    ]


def _code(was: str, dice: random.Random) -> str:
    places = [at for at, letter in enumerate(was) if letter.isdigit()]
    if places:
        at = dice.choice(places)
        return was[:at] + dice.choice("123456789".replace(was[at], "")) + was[at + 1 :]
    name, sign, domain = was.partition("@")
    return (
        dice.choice(("help", "service", "office", "desk")) + sign + domain if sign else f"my{name}"
    )


def _shape(name: str) -> tuple[bool, bool]:
    return name.isupper(), len(name.split()) > 1


def _units(sentence: str, dice: random.Random) -> Iterator[Change]:
    found = re.search(rf"(?<=\d )({'|'.join(UNITS.split())})\b", sentence)
    if found:
        now = dice.choice([unit for unit in OTHER_UNIT[found[0]] if unit != found[0]])
        yield Change(
            "unit", sentence[: found.start()] + now + sentence[found.end() :], found[0], now
        )


def _denials(sentence: str, language: str) -> Iterator[Change]:
    """A rule turned into its opposite, in English."""
    if language != "en":
        return
    if _DENIED.search(sentence):
        yield Change("denial", _DENIED.sub(r"\1", sentence, count=1), "not", "")
    elif _MODAL.search(sentence):
        yield Change("denial", _MODAL.sub(r"\1 not", sentence, count=1), "", "not")
