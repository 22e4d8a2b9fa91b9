"""Text to the terms that the lexical index stores and a question looks up. Pure.

Both databases see the terms made here, so both find the same. A word becomes its stem, without
accents. What carries digits or connectors (`GS-13`, `A-123/b`, `2.5.1`, `a@b.example`) becomes the
whole, the whole without connectors (`GS-13` and `GS13` must meet) and its parts. Scripts without
spaces become pairs of characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import snowballstemmer

from ingest.stopwords import STOP_WORDS

#: ISO 639-1 code -> snowball algorithm.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "fi": "finnish", "fr": "french", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch",
    "no": "norwegian", "nb": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip

#: Text of unknown language: headings and short questions, most of them English. What matters more
#: than the right stem is that question and document get the same one.
DEFAULT_LANGUAGE = "en"

#: A run of letters longer than this is data (base64, a key): kept as its beginning.
MAX_TERM = 64

# Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese are written without spaces (Korean with,
# but with particles glued on): pairs of characters find parts of words.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that belong to the letter before them; \w leaves them out.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_LETTER = rf"(?:[^\W_{_SPACELESS}]|[{_MARKS}])"
_CONNECTED = re.compile(
    rf"[{_SPACELESS}]+|{_LETTER}+(?:(?:[-._/:@+&'\u2019\u2010\u2011]|(?<=\d),(?=\d)){_LETTER}+)*(?:\+\+|#)?"
)
_SPACELESS_RUN = re.compile(rf"[{_SPACELESS}]")
_PART = re.compile(rf"{_LETTER}+")
_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2019": "'"})
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\d{1,3}(?:[.,']\d{3})+(?:[.,]\d+)?")
_GROUPED = re.compile(r"\d{1,3}(?:[.,']\d{3})+")
_FOLDED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"}
)
# Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowels. Signs of Indic scripts are letters.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
#: What a French or Italian article leaves before its noun.
_ELIDED = frozenset(
    [
        "l",
        "d",
        "j",
        "m",
        "t",
        "s",
        "n",
        "c",
        "qu",
        "jusqu",
        "lorsqu",
        "puisqu",
        "dell",
        "all",
        "nell",
        "sull",
        "dall",
        "un",
        "quest",
    ]
)


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


def terms(text: str, language: str) -> list[str]:
    """The terms of `text` in order, repeats kept. `language`: ISO 639-1, "" unknown."""
    found: list[str] = []
    for token in _tokens(text):
        found.extend(term for term in _terms_of(token, language) if term)
    return found


def query_terms(question: str, language: str) -> list[str]:
    """The terms of a question, each once, without its stop words unless it has nothing else."""
    stop = STOP_WORDS.get(language or DEFAULT_LANGUAGE, frozenset())
    tokens = list(_tokens(question))
    telling = [token for token in tokens if token not in stop and not _elided_stop(token, stop)]
    return list(
        dict.fromkeys(
            term for token in telling or tokens for term in _terms_of(token, language) if term
        )
    )


def fold(word: str) -> str:
    """Without accents: `über` and `uber`, `straße` and `strasse` become one."""
    if word.isascii():
        return word
    return unicodedata.normalize(
        "NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", word))
    ).translate(_FOLDED)


def _tokens(text: str) -> Iterator[str]:
    normal = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_DASHES)
    for match in _CONNECTED.finditer(normal.lower()):
        yield match[0]


def _elided_stop(token: str, stop: frozenset[str]) -> bool:
    """`what's`, `qu'est`: nothing but stop words around an apostrophe."""
    parts = token.split("'")
    return len(parts) > 1 and all(part in stop or part in _ELIDED or part == "s" for part in parts)


@lru_cache(maxsize=100_000)
def _terms_of(token: str, language: str) -> tuple[str, ...]:
    if _SPACELESS_RUN.match(token):
        return _pairs(token)
    if token.isalpha():
        return _words(token, language)
    if _NUMBER.fullmatch(token):
        return _number(token)
    if not any(character.isdigit() for character in token) and not set(token) & set("@/:_#+"):
        return _joined_words(token, language)
    return _identifier(token, language)


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[i : i + 2] for i in range(len(run) - 1)) or (run,)


def _words(word: str, language: str) -> tuple[str, ...]:
    """Its stem, and the stem of the word as someone without accents on the keyboard types it."""
    word = word[:MAX_TERM]
    stem = fold(_stem(word, language))
    if word.isascii():
        return (stem,)
    plain = _stem(fold(word), language)
    return (stem,) if plain == stem else (stem, plain)


def _number(token: str) -> tuple[str, ...]:
    """`1,000`, `1.000` and `1,000.00` also as `1000`; `12,5` also as `12.5`."""
    if _GROUPED.fullmatch(token):
        return token, re.sub(r"\D", "", token)
    whole, sign, fraction = re.fullmatch(r"(.*?)(?:([.,])(\d+))?", token).groups("")  # type: ignore[union-attr]
    value = re.sub(r"\D", "", whole) + (f".{cut}" if (cut := fraction.rstrip("0")) else "")
    return (token,) if not sign or value == token else (token, value)


def _joined_words(token: str, language: str) -> tuple[str, ...]:
    """`l'emploi`, `e-mail`, `and/or`, `section.next`: the words, and `email` for `e-mail`."""
    pieces = [piece for piece in token.split("'") if piece]
    if len(pieces) > 1 and pieces[0] in _ELIDED:
        pieces = pieces[1:]
    elif len(pieces) > 1 and len(pieces[-1]) <= 2:
        pieces = pieces[:-1]
    found: list[str] = []
    for piece in pieces:
        words = _PART.findall(piece)
        found += [term for word in words for term in _words(word, language)]
        if len(words) > 1 and "." not in piece.replace("-", ""):
            found += _words("".join(words), language)
        elif len(words) > 1 and all(len(word) == 1 for word in words):
            found.append(fold("".join(words)))
    return tuple(found)


def _identifier(token: str, language: str) -> tuple[str, ...]:
    whole = fold(token)[:MAX_TERM]
    parts = _PART.findall(token)
    found = [whole]
    if "@" not in token and not token.replace(".", "").isdigit():
        found.append(fold("".join(parts))[:MAX_TERM])
    if len(parts) > 1:
        found += [
            term
            for part in parts
            for term in (_words(part, language) if part.isalpha() else (fold(part)[:MAX_TERM],))
        ]
    return tuple(dict.fromkeys(term for term in found if term))


@lru_cache(maxsize=200_000)
def _stem(word: str, language: str) -> str:
    stemmer = _stemmer(language or DEFAULT_LANGUAGE)
    return word if stemmer is None else stemmer.stemWord(word)


def forget() -> None:
    """Let go of the words that are kept in this process."""
    _terms_of.cache_clear()
    _stem.cache_clear()


@lru_cache(maxsize=len(STEMMERS) + 1)
def _stemmer(language: str) -> _Stemmer | None:
    algorithm = STEMMERS.get(language)
    return None if algorithm is None else snowballstemmer.stemmer(algorithm)
