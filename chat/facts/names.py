"""Names in a sentence: people, companies, places, products. Pure.

A capital letter inside a sentence makes a name; at its beginning it does not, and in German every
noun has one: there only what cannot be a noun counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chat.facts.fact import Fact
from chat.facts.units import of_word
from ingest.stopwords import STOP_WORDS

_WORD = re.compile(r"[^\W\d_](?:[\w'’&-]*[^\W_])?")
_INSIDE = re.compile(r"[ \u00a0.]{1,2}|(?: (?:of|the|for|de|del|la|le|les|du|des|di|da)){1,2} ")
_DIRECT = re.compile(r"[ \u00a0]")
#: After these a capital letter is that of a beginning.
_BREAK = re.compile(r"[.!?:\n\u201c\"«*•]")
#: Begin sentences with a capital letter and name nothing.
_OPENING = """yes no none not never only see about within until usually generally unless although however
    therefore section page chapter appendix article table figure step kapitel seite abschnitt
    ja nein nie höchstens mindestens bis laut gemäß ungefähr bitte oui non jamais aucun aucune selon environ
    sí según nunca ningún ninguna hasta"""
_NO_NAMES = frozenset().union(*STOP_WORDS.values(), _OPENING.split())
_TITLED = "Herr Herrn Frau Dr Prof Firma Mr Mrs Ms M Mme Sr Sra Señor Señora Monsieur Madame"
_TITLES = frozenset(_TITLED.split())
_BETWEEN = "of the for de del la le les du des di da"
_SMALL = frozenset(_BETWEEN.split())


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    first: bool

    @property
    def strong(self) -> bool:
        """A name wherever it stands: `NASA`, `KeePassXC`, `iPhone`."""
        letters = self.text.replace("'s", "").replace("’s", "")
        return sum(letter.isupper() for letter in letters[1:]) > (
            letters.count("-") if letters[:1].isupper() else 0
        )

    @property
    def acronym(self) -> bool:
        return self.text.removesuffix("s").isupper() and len(self.text) > 1

    @property
    def capital(self) -> bool:
        named = self.text[0].isupper() or self.strong
        return named and self.text.lower() not in _NO_NAMES and not of_word(self.text)

    @property
    def opener(self) -> bool:
        return self.first and not self.strong and self.text[-2:] not in ("'s", "’s")


def names(text: str, language: str) -> Iterator[Fact]:
    """The names of a text, each run of words with capitals as one; numbers and dates are blanked."""
    run: list[_Word] = []
    words = list(_words(text))
    for word in words:
        if run and not _goes_on(text, run[-1], word, language):
            yield from _name(text, run, language)
            run = []
        if word.capital:
            run.append(word)
        elif run and word.text.lower() not in _SMALL:
            yield from _name(text, run, language)
            run = []
    yield from _name(text, run, language, alone=len(words) == 1)


def _words(text: str) -> Iterator[_Word]:
    end = 0
    for found in _WORD.finditer(text):
        between = text[end : found.start()]
        first = not end or bool(_BREAK.search(between))
        yield _Word(found[0], found.start(), found.end(), first)
        end = found.end()


def _goes_on(text: str, last: _Word, word: _Word, language: str) -> bool:
    """Words of one name are neighbours, or have `of`, `de` between them; an acronym is a name of its own."""
    between = text[last.end : word.start]
    if word.text.lower() in _SMALL:
        return between in (" ", "\u00a0") and language != "de"
    if word.acronym or last.acronym or not word.text[0].isupper():
        return False
    return bool((_DIRECT if language == "de" else _INSIDE).fullmatch(between))


def _name(text: str, run: list[_Word], language: str, *, alone: bool = False) -> Iterator[Fact]:
    words = run[1:] if _plain_beginning(run) and not alone else run
    titled = len(run) > 1 and run[0].text in _TITLES
    strong = [word for word in words if word.strong]
    if language == "de" and not titled and len(words) < 2:
        words = strong
    if words and not (len(words) == 1 and (len(words[0].text) < 2 or _labels(text, words[0]))):
        keys = tuple(word.text.strip("'’-&") for word in words)
        yield Fact("name", words[0].start, words[-1].end, keys)


def _plain_beginning(run: list[_Word]) -> bool:
    """Whether the first word may have its capital from standing first: "Ask Anna Schmidt"."""
    return bool(run) and run[0].opener and run[0].text not in _TITLES


def _labels(text: str, word: _Word) -> bool:
    """Whether a word only says what the number after it is: "Tier 1"."""
    return not word.strong and text[word.end : word.end + 2].strip(" \u00a0").startswith("\x1f")
