"""Whether one text denies what another says. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ingest.stopwords import STOP_WORDS
from ingest.terms import terms

#: Words that deny the verb they stand before. "No" before a noun denies too much to tell what.
_DENIALS = {
    "en": r"not|cannot|never|\w+n['’]t",
    "de": r"nicht|nie|niemals",
    "fr": r"ne|n['’]",
    "es": r"no|nunca",
}
_STEPS = {
    language: re.compile(
        rf"(?P<deny>\b(?:{words})(?!\w))|(?P<end>[.;:,()\n])|(?P<word>[^\W\d_]+)",
        re.IGNORECASE,
    )
    for language, words in _DENIALS.items()
}
#: Answers begin with a word for the question, not for the sentence. "No later than" denies nothing.
_IDIOMS = re.compile(
    r"^\W*(?:no|nein|non)\b\s*[,.:;–—-]|\bnicht nur\b"
    r"|\bn(?:o|ot) (?:later|more|less|fewer|longer|only|just|even)\b"
    r"|\b(?:whether|if) (?:or )?not\b|\bne\b[^.\n]{0,40}\bque\b",
    re.IGNORECASE,
)
#: "Do not turn it off" is no report of what happens.
_WARNING = re.compile(r"\W*(?:no\W+)?(?:do not|don['’]t|never)\b", re.IGNORECASE)
#: Words between a denial and what it denies.
_LIGHT = frozenset(
    ["also", "yet", "always", "necessarily", "auch", "immer", "se", "s", "lo", "be", "been"]
)


@dataclass(frozen=True, slots=True)
class Said:
    """Stems that a text denies, and those that it says plainly."""

    denied: frozenset[str]
    plain: frozenset[str]


@lru_cache(maxsize=256)
def said(text: str, language: str) -> Said:
    """What a text denies: the first telling word after each "not". Nothing in other languages."""
    language = language or "en"
    if language not in _STEPS:
        return Said(frozenset(), frozenset())
    stop = STOP_WORDS[language] | _LIGHT
    denied: set[str] = set()
    plain: set[str] = set()
    denying = False
    for found in _STEPS[language].finditer(_IDIOMS.sub(" ", text)):
        if found["deny"] or found["end"]:
            denying = bool(found["deny"])
        elif (word := found["word"].lower()) not in stop:
            (denied if denying else plain).update(terms(word, language))
            denying = False
    return Said(frozenset(denied), frozenset(plain))


def contradicts(sentence: str, quote: str, language: str) -> bool:
    """Whether one of both denies a word that the other says plainly, and never denies."""
    one, other = said(sentence, language), said(quote, language)
    warns = _WARNING.match(sentence)
    return bool((not warns and _denies(one, other)) or _denies(other, one))


def _denies(one: Said, other: Said) -> frozenset[str]:
    return (one.denied - one.plain) & (other.plain - other.denied)
