"""Numbers in words, in English, German, French and Spanish. Pure."""

import re
from collections.abc import Iterator
from decimal import Decimal

from chat.facts import units
from chat.facts.fact import Fact
from ingest.terms import fold

_EN_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty"""
_DE_WORDS = """null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn
    sechzehn siebzehn achtzehn neunzehn zwanzig"""
_FR_WORDS = """zéro _ deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize
    dix-sept dix-huit dix-neuf vingt"""
_ES_WORDS = """cero _ dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince
    dieciséis diecisiete dieciocho diecinueve veinte"""
_EN, _DE, _FR, _ES = (words.split() for words in (_EN_WORDS, _DE_WORDS, _FR_WORDS, _ES_WORDS))
_TENS = {
    "en": "thirty forty fifty sixty seventy eighty ninety",
    "de": "dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "es": "treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
#: Words that mean something else in another language: numbers only where the language is known.
_OWN = {
    "once": "es",
    "cent": "fr",
    "mil": "es",
    "mille": "fr",
    "elf": "de",
    "dos": "es",
    "acht": "de",
}
_HUNDREDS = {"hundred": 100, "hundert": 100, "cent": 100, "cents": 100, "cien": 100, "ciento": 100}
_THOUSANDS = {"thousand": 1000, "tausend": 1000, "mille": 1000, "mil": 1000}
_ONES = {"one", "ein", "eine", "einen", "einem", "einer", "eines", "un", "une", "una", "uno"}
_ARTICLES = {"a", "an", "ein", "eine", "einen", "einem", "einer", "eines", "un", "une", "una"}
_TIMES = {"twice": 2, "thrice": 3}
_HALVES = {"half", "halb", "halbe", "halben", "moitie", "mitad"}
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    "erste zweite dritte vierte funfte sechste siebte achte neunte zehnte elfte zwolfte",
    "premier deuxieme troisieme quatrieme cinquieme sixieme septieme huitieme neuvieme dixieme",
    "primer segundo tercer cuarto quinto sexto septimo octavo noveno decimo",
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def _cardinals() -> Iterator[tuple[str, int]]:
    for words in (_EN, _DE, _FR, _ES):
        yield from ((fold(word), value) for value, word in enumerate(words))
    tens = {key: ["", *words.split()] for key, words in _TENS.items()}
    for ten in range(2, 10):
        en, de, fr, es = (
            "twenty" if ten == 2 else tens["en"][ten - 2],
            "zwanzig" if ten == 2 else fold(tens["de"][ten - 2]),
            "vingt" if ten == 2 else tens["fr"][ten - 2],
            "veinti" if ten == 2 else tens["es"][ten - 2],
        )
        if ten > 2:
            yield from (
                (word.rstrip("s") if word == fr else word, ten * 10) for word in (en, de, fr, es)
            )
            yield fr, ten * 10
        for one in range(1, 10):
            value = ten * 10 + one
            yield f"{en}-{_EN[one]}", value
            yield f"{'ein' if one == 1 else fold(_DE[one])}und{de}", value
            yield from _romance(fr, es, ten, one)


def _romance(fr: str, es: str, ten: int, one: int) -> Iterator[tuple[str, int]]:
    value = ten * 10 + one
    past = ten in (7, 9)
    stem = {7: "soixante", 8: "quatre-vingt", 9: "quatre-vingt"}.get(ten, fr)
    french = fold(_FR[10 + one] if past else "un" if one == 1 else _FR[one])
    yield f"{stem}-{french}", value
    yield f"{stem}-et-{french}", value
    if ten == 2:
        yield f"veinti{'uno' if one == 1 else fold(_ES[one])}", value
    else:
        yield f"{es}-y-{'uno' if one == 1 else fold(_ES[one])}", value


CARDINALS = {word: value for word, value in _cardinals() if word != "_"}
ORDINALS = {
    word + ending: place
    for words in _ORDINALS
    for place, word in enumerate(words.split(), 1)
    for ending in ("", "r", "n", "s", "e", "a", "o", "re")
}
#: "treinta y cinco", "vingt et un" are written apart.
_APART = re.compile(r"\b([a-z]{5,}) (y|et) ([a-z]+)\b")


def numbers(text: str, language: str) -> Iterator[Fact]:
    """The numbers of a text that stand in words."""
    words = list(_WORD.finditer(_APART.sub(_joined, fold_same(text))))
    at = 0
    while at < len(words):
        value, count = _value(words, at, language)
        if count:
            yield from _fact(
                text, words[at].start(), words[at + count - 1].end(), value, words[at][0]
            )
            at += count
        else:
            yield from _other(text, words, at)
            at += 1


def fold_same(text: str) -> str:
    """Small letters without accents, each where it was."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := fold(letter.lower())) == 1 else letter for letter in text)


def _joined(found: re.Match[str]) -> str:
    word = f"{found[1]}-{found[2]}-{found[3]}"
    return word if word in CARDINALS else found[0]


def _value(words: list[re.Match[str]], at: int, language: str) -> tuple[int, int]:
    """The number that begins with this word, and how many words it takes; 0 words if none does."""
    total, count, place = 0, 0, at
    while place < len(words):
        word = words[place][0]
        if word in _OWN and _OWN[word] != language:
            break
        if word in CARDINALS and (not total or total % 100 == 0):
            total += CARDINALS[word]
        elif word in _HUNDREDS and (count or word != "cents"):
            total = (total or 1) * _HUNDREDS[word]
        elif word in _THOUSANDS:
            total = (total or 1) * _THOUSANDS[word]
        elif word == "and" and count and total % 100 == 0 and _goes_on(words, place):
            pass
        elif not count and word in _ONES and _scaled(words, place):
            total = 1
        else:
            break
        count, place = count + 1, place + 1
        if place < len(words) and words[place].start() - words[place - 1].end() > 1:
            break
    return total, count


def _goes_on(words: list[re.Match[str]], place: int) -> bool:
    following = words[place + 1][0] if place + 1 < len(words) else ""
    return CARDINALS.get(following, 100) < 100


def _scaled(words: list[re.Match[str]], place: int) -> bool:
    return place + 1 < len(words) and words[place + 1][0] in (*_HUNDREDS, *_THOUSANDS)


def _fact(text: str, start: int, end: int, value: int, word: str) -> Iterator[Fact]:
    unit = units.after(text, end)
    soft = value in (0, 1) and not (unit and word in _ONES)
    yield Fact("number", start, end, (), (Decimal(value),), unit, soft=soft)


def _other(text: str, words: list[re.Match[str]], at: int) -> Iterator[Fact]:
    """Words that hold a number or may: "twice", "zweimal", "two-week", "a year", "third"."""
    found = words[at]
    word, (start, end) = found[0], found.span()
    first, _, rest = word.partition("-")
    if word in _TIMES or (word.endswith("mal") and word[:-3] in CARDINALS):
        value = _TIMES.get(word) or CARDINALS[word[:-3]]
        yield Fact("number", start, end, (), (Decimal(value),), "times")
    elif word in _HALVES:
        yield Fact("number", start, end, (), (Decimal("0.5"),), soft=True)
    elif rest and (first in CARDINALS or first in _ONES):
        unit = units.of_word(rest)
        yield Fact(
            "number", start, end, (), (Decimal(CARDINALS.get(first, 1)),), unit, soft=not unit
        )
    elif word in _ORDINALS_SEEN:
        yield _ordinal(words, at)
    elif word in _ONES or word in _ARTICLES:
        unit = units.after(text, end)
        soft = word != "one" or not unit
        yield Fact("number", start, end, (), (Decimal(1),), unit, soft=soft)


_ORDINALS_SEEN = frozenset(ORDINALS)
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun|business |work)?day")


def _ordinal(words: list[re.Match[str]], at: int) -> Fact:
    place = ORDINALS[words[at][0]]
    following = words[at + 1][0] if at + 1 < len(words) else ""
    strict = place > 2 or bool(_WEEKDAY.fullmatch(following))
    return Fact("number", *words[at].span(), (), (Decimal(place),), "ordinal", soft=not strict)
