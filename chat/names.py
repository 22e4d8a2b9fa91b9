"""Which documents a question names by itself: "in the 2024 travel guide", "laut Smart Bulletin 33".

Precision first: words that many titles share name nothing, and a year or a number must agree. Pure.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from uuid import UUID

from chat.cues import (
    CLEAR_CUES,
    CUES,
    DETERMINERS,
    FILLERS,
    is_compound,
    is_document_noun,
)
from ingest.stopwords import STOP_WORDS
from ingest.terms import fold

#: From here on the question says where to look, and looking elsewhere first would be odd.
STRONG = 0.85
#: More documents than this are not named by the same words.
MOST_NAMED = 3
#: Words of a title that are looked at, and of a question.
MAX_WORDS = 60
MAX_QUESTION_WORDS = 400

_WORD = re.compile(r"[^\W_]+")
_FILE = re.compile(r"[\w()+-][\w()+.,' -]{0,200}\.[A-Za-z]\w{1,5}\b")
#: No white space around what is between the marks: two parts that both may take it try all ways.
_QUOTED = re.compile(r"[\"“„«‹]([^\"“”„«»‹›]{3,200})[\"”“»›]")
_SUBTITLE = re.compile(r"\s*[:|–—]\s+|\s+-\s+")
_LETTERS_DIGITS = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")
_BREAK = re.compile(r"[,;:?!(]|(?<!\bno)(?<!\bnr)\.\s", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Title:
    """What a document may be called: its title, its file's name; `dated` says its year."""

    document: UUID
    title: str
    file: str
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A document that a question names by `said`, words of the question; `strength` is 0 to 1."""

    document: UUID
    strength: float
    said: str

    @property
    def strong(self) -> bool:
        return self.strength >= STRONG


@dataclass(slots=True)
class _Entry:
    title: Title
    variants: list[frozenset[str]]
    words: frozenset[str]
    numbers: frozenset[str]


@dataclass(slots=True)
class Names:
    """The titles of some documents, by their words. Made once for as long as they stay the same."""

    _entries: list[_Entry] = field(default_factory=list)
    _postings: dict[str, set[int]] = field(default_factory=dict)
    _files: dict[str, list[int]] = field(default_factory=dict)
    _exact: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, titles: Iterable[Title]) -> "Names":
        names = cls()
        for title in titles:
            names._add(title)
        return names

    def named_in(self, question: str, language: str) -> list[Named]:
        """The documents that `question` names, the surest first. `language`: ISO 639-1 of the question."""
        found: dict[int, tuple[float, str]] = {}
        for number, strength, said in (
            *self._by_file(question),
            *self._by_quote(question),
            *self._by_words(question, language),
        ):
            if strength > found.get(number, (0.0, ""))[0]:
                found[number] = strength, said
        named = [
            Named(self._entries[number].title.document, strength, said)
            for number, (strength, said) in found.items()
        ]
        return sorted(named, key=lambda one: (-one.strength, str(one.document)))

    def _add(self, title: Title) -> None:
        number = len(self._entries)
        stem = PurePosixPath(title.file).stem
        variants = [words for said in _callings(title.title, stem) if (words := _words(said))]
        every = frozenset(word for words in variants for word in words)
        numbers = frozenset(word for word in every if word.isdigit())
        self._entries.append(_Entry(title, [frozenset(v) for v in variants], every, numbers))
        for word in every:
            self._postings.setdefault(word, set()).add(number)
        for calling in {tuple(words) for words in variants}:
            self._exact.setdefault(calling, []).append(number)
        self._files.setdefault(title.file.casefold(), []).append(number)

    def _by_file(self, question: str) -> Iterator[tuple[int, float, str]]:
        """A file's name with its ending: as it stands, or without words before it."""
        for match in _FILE.finditer(question):
            said = match[0]
            for start in [0, *(m.end() for m in re.finditer(r"[\s(]+", said))]:
                for number in self._files.get(said[start:].casefold(), ())[:MOST_NAMED]:
                    yield number, 1.0, said[start:]

    def _by_quote(self, question: str) -> Iterator[tuple[int, float, str]]:
        for match in _QUOTED.finditer(question):
            words = tuple(_words(match[1]))
            same = self._exact.get(words, ())
            if len(words) >= 2 and len(same) <= MOST_NAMED:
                for number in same:
                    yield number, 1.0, match[1]

    def _by_words(self, question: str, language: str) -> Iterator[tuple[int, float, str]]:
        """Runs of the question's words that stand together in few titles."""
        said = _Said.of(question, language)
        end = 0
        for start in range(len(said.words)):
            stop, numbers = self._run(said, start)
            again = said.words[start] in said.words[start + 1 : stop]
            if again or stop <= end or not 0 < len(numbers) <= MOST_NAMED:
                continue
            end = stop
            for number in sorted(numbers):
                if strength := self._strength(said, start, stop, number, len(numbers)):
                    yield number, strength, said.text(start, stop)

    def _run(self, said: "_Said", start: int) -> tuple[int, set[int]]:
        """The end of the longest run from `start` on that one title holds, and who holds it."""
        there, stop = self._postings.get(said.words[start], set()), start + 1
        while stop < len(said.words) and said.together(stop - 1):
            both = there & self._postings.get(said.words[stop], set())
            if not both:
                break
            there, stop = both, stop + 1
        return stop, there

    def _strength(self, said: "_Said", start: int, stop: int, number: int, many: int) -> float:
        entry = self._entries[number]
        run = set(said.words[start:stop])
        words = [word for word in run if not word.isdigit()]
        noun = any(is_document_noun(word) for word in words) or said.noun_after(stop)
        if not words or not _agrees(entry, said.numbers_beside(start, stop)):
            return 0.0
        if len(run) < 2 and not is_compound(words[0]):
            return 0.0
        cover = max(self._cover(variant, run) for variant in entry.variants)
        counted = bool(run & entry.numbers)
        return _judged(cover, said.cue(start), noun=noun, counted=counted, many=many)

    def _cover(self, variant: frozenset[str], run: set[str]) -> float:
        """How much of a name was said: its rare words count for more."""
        every = sum(self._weight(word) for word in variant)
        return sum(self._weight(word) for word in variant & run) / every if every else 0.0

    def _weight(self, word: str) -> float:
        return math.log(1 + len(self._entries) / len(self._postings[word]))


@dataclass(frozen=True, slots=True)
class _Said:
    """A question's words: `words` without those that say nothing, `at` their places among `every`."""

    question: str
    every: list[tuple[str, int, int]]
    words: list[str]
    at: list[int]

    @classmethod
    def of(cls, question: str, language: str) -> "_Said":
        every = list(_spans(question))[:MAX_QUESTION_WORDS]
        stop = _silent(language)
        at = [place for place, (word, _, _) in enumerate(every) if word not in stop]
        return cls(question, every, [every[place][0] for place in at], at)

    def text(self, start: int, stop: int) -> str:
        return self.question[self.every[self.at[start]][1] : self.every[self.at[stop - 1]][2]]

    def together(self, word: int) -> bool:
        """Whether the word after this one belongs to the same phrase."""
        here, there = self.at[word], self.at[word + 1]
        between = self.question[self.every[here][2] : self.every[there][1]]
        return there - here <= 3 and not _BREAK.search(between)

    def cue(self, start: int) -> str:
        """ "clear" after "according to", "some" after "in the", "" else."""
        place = self.at[start] - 1
        while place >= 0 and (
            self.every[place][0] in DETERMINERS or self.every[place][0].isdigit()
        ):
            place -= 1
        before = self.every[place][0] if place >= 0 else ""
        pair = f"{self.every[place - 1][0]} {before}" if place >= 1 else ""
        if before in CLEAR_CUES or pair in CLEAR_CUES:
            return "clear"
        return "some" if before in CUES else ""

    def noun_after(self, stop: int) -> bool:
        return stop < len(self.words) and is_document_noun(self.words[stop])

    def numbers_beside(self, start: int, stop: int) -> set[str]:
        """Numbers in the run, right after it or after the noun that follows; a year right before it."""
        last = stop + 1 if self.noun_after(stop) else stop
        near = set(self.words[start : last + 1])
        if start and _YEAR.fullmatch(self.words[start - 1]):
            near.add(self.words[start - 1])
        return {word for word in near if word.isdigit()}


def _agrees(entry: _Entry, numbers: set[str]) -> bool:
    """Whether all `numbers` are the document's: of its name, or the year in which it was written."""
    others = numbers - entry.numbers
    if not others:
        return True
    named_year = any(_YEAR.fullmatch(number) for number in entry.numbers)
    year = str(entry.title.dated.year) if entry.title.dated and not named_year else ""
    return others == {year}


def _judged(cover: float, cue: str, *, noun: bool, counted: bool, many: int) -> float:
    if many == 1 and counted and noun and cover >= 0.8:
        return 0.95
    if many == 1 and cue == "clear" and (noun or cover >= 0.8) and cover >= 0.35:
        return 0.95
    if many == 1 and cue == "some" and noun and cover >= 0.35:
        return 0.9
    if cover < 0.6 and not (cue and noun):
        return 0.0
    sure = 0.7 if cue and noun else 0.4 if noun or cover >= 0.9 else 0.3
    return round(sure / math.sqrt(many), 2)


def _callings(title: str, stem: str) -> list[str]:
    """The ways to call a document: its title, what stands before its subtitle, its file's name."""
    head = _SUBTITLE.split(title, maxsplit=1)[0]
    return list(dict.fromkeys([title, head, stem]))


def _words(name: str) -> list[str]:
    """The telling words of a name, folded, with numbers without their zeros; each once."""
    said = [word for word, _, _ in _spans(name)]
    telling = [word for word in said if word not in _silent("en")]
    return list(dict.fromkeys(telling or said))[:MAX_WORDS]


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        at = match.start()
        for part in _LETTERS_DIGITS.split(match[0].lower()):
            yield _key(part), at, at + len(part)
            at += len(part)


@cache
def _silent(language: str) -> frozenset[str]:
    """Words that are no part of a name, as _key makes them."""
    stop = STOP_WORDS.get(language, frozenset()) | STOP_WORDS["en"]
    return frozenset(map(_key, stop)) | FILLERS | DETERMINERS


def _key(word: str) -> str:
    if word.isdecimal():
        return str(int(word)) if len(word) < 10 else word
    folded = fold(word)
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") and folded[-2] != "s" else folded
