"""Sentences <-> passages: marks repaired, quotes located, unsupported sentences marked. Pure.

A model's text streams in; what goes out is the same text with marks that always point to a passage
that was given, and after each sentence the words that it rests on. Quotes are spans of the passage,
so a quote cannot be false.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from chat.events import CitationEvent, Event, Support, Token
from ingest.terms import query_terms, terms

VERIFIED, LIKELY = 0.6, 0.3
LONGEST_MARK = 40
#: The beginning of a mark that the model never finished.
STUMP = re.compile(r"\[[\d\s,;&]*")
WORD = re.compile(r"\d+(?:[.,:/]\d+)*|\w+")
NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
MARK = re.compile(r"\[\s*(?:passages?\s*)?(\d{1,3}(?:\s*[,;&]\s*\d{1,3})*)\s*\]", re.IGNORECASE)
OPEN_MARK = re.compile(r"\[\s*(?:p[a-z]*\s*)?[\d\s,;&]*", re.IGNORECASE)
TERMINATOR = re.compile(r"[.!?…][\"'»”’)\]]*$")
ABBREVIATION = re.compile(
    r"(?:^|\s|\()(?:e\.g|i\.e|etc|vs|cf|no|nos|nr|mr|mrs|ms|dr|st|art|sec|approx|incl|max|min|bzw|z\.\s?b"
    r"|d\.\s?h|u\.\s?a|ca|ggf|usw|abs|p\.\s?ex|env|ej|pág|[A-Z]|\d{1,2})\.$",
    re.IGNORECASE,
)
CJK_END = "。！？"
#: Letters before a place that decide whether a sentence ends there: longer than any abbreviation.
TAIL = 40


@dataclass(frozen=True, slots=True)
class Match:
    """How well a sentence rests on a passage: share of its words, and whether its numbers are there."""

    n: int
    start: int
    end: int
    share: float
    numbers: bool

    @property
    def support(self) -> Support:
        if self.numbers and self.share >= VERIFIED:
            return "verified"
        return "likely" if self.numbers and self.share >= LIKELY else "none"


def numbers(text: str) -> set[str]:
    """Numbers as they are compared: `1,000` and `1000` and `1 000` are the same, `75` is not `51.75`."""
    joined = re.sub(r"(?<=\d)[,\u202f\u00a0' ](?=\d{3}\b)", "", text)
    return {number.rstrip(".,:/") for number in NUMBER.findall(joined)}


def sentences(text: str) -> list[tuple[int, int]]:
    """Sentence and line spans of a text, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in re.finditer(r"\n+|(?<=[.!?…])[\"'»”’)]*\s+|(?<=[。！？])", text):
        if "\n" in match.group() or text[match.start() - 1 : match.start()] in CJK_END:
            ends = True
        else:
            ends = not ABBREVIATION.search(text, max(start, match.start() - TAIL), match.start())
        if ends:
            spans.append((start, match.start()))
            start = match.end()
    spans.append((start, len(text)))
    return [(a, b) for a, b in spans if text[a:b].strip()]


def match(sentence: str, passage: str, n: int, *, context: str = "", language: str = "") -> Match:
    """Find the words of `passage` that `sentence` rests on.

    The share is of the sentence's distinct content words that the passage (with its `context`:
    title and headings) holds; the quote is the one or two neighbouring sentences of the passage
    that hold most of them. `language` is the passage's.
    """
    plain = MARK.sub("", sentence)
    words = _words_of(passage, context, language)
    wanted = set(query_terms(plain, language))
    share = len(wanted & words.all) / len(wanted) if wanted else 0.0
    start, end = _best_span(wanted, words)
    return Match(n, start, end, share, numbers(plain) <= words.numbers)


@dataclass(frozen=True, slots=True)
class _Words:
    """What sentences are compared with: all terms and numbers of a passage, and its sentences' terms."""

    all: frozenset[str]
    numbers: frozenset[str]
    spans: tuple[tuple[int, int], ...]
    held: tuple[frozenset[str], ...]


@lru_cache(maxsize=64)
def _words_of(passage: str, context: str, language: str) -> _Words:
    """Kept: every sentence of an answer is compared with every passage, which may have hundreds."""
    spans = tuple(sentences(passage)) or ((0, len(passage)),)
    whole = f"{context}\n{passage}"
    return _Words(
        frozenset(terms(whole, language)),
        frozenset(numbers(whole)),
        spans,
        tuple(frozenset(terms(passage[start:end], language)) for start, end in spans),
    )


def _best_span(wanted: set[str], words: _Words) -> tuple[int, int]:
    spans = words.spans
    held = [wanted & terms_of_span for terms_of_span in words.held]
    best = max(range(len(spans)), key=lambda i: (len(held[i]), -i))
    low = high = best
    for other in (best - 1, best + 1):
        if 0 <= other < len(spans) and len(held[other] - held[best]) >= 2:
            low, high = min(low, other), max(high, other)
            break
    return spans[low][0], spans[high][1]


@dataclass(frozen=True, slots=True)
class Basis:
    """A passage that sentences may rest on. `context` is its title and headings.

    `foreign`: it is in another language than the answer, where words cannot be compared.
    """

    text: str
    context: str = ""
    page: int | None = None
    language: str = ""
    foreign: bool = False


class AnswerWriter:
    """Takes the model's pieces, gives Token and CitationEvent events, and keeps the whole text.

    Marks are taken out of the stream and written at the end of their sentence, when it is known
    which hold: one that points to no passage is dropped, one whose passage does not support the
    sentence gives way to one that does. What was sent is never taken back. For a foreign passage
    numbers alone decide.
    """

    def __init__(self, passages: Sequence[Basis]) -> None:
        self.text = ""
        self.citations: list[CitationEvent] = []
        self._passages = passages
        self._held = ""
        self._space = ""
        self._marks: list[int] = []
        self._after_mark = False
        self._said: list[str] = []
        #: A sentence came again: the model goes round in circles, there is nothing more to come.
        self.repeated = False
        self._start = 0
        self._sent = 0
        self._ready: list[CitationEvent] = []

    def feed(self, piece: str) -> Iterator[Event]:
        """Take the next piece of the model's text."""
        for char in piece.replace("\r", ""):
            self._take(char)
        yield from self._flush()

    def close(self) -> Iterator[Event]:
        """End the text: what was held back is given, the last sentence gets its citations."""
        self._release()
        self._end_sentence()
        yield from self._flush()

    def _take(self, char: str) -> None:
        if self._held:
            self._hold(char)
        elif char == "[":
            self._held = char
        elif char.isspace():
            self._space += char
        else:
            self._write(char)

    def _hold(self, char: str) -> None:
        self._held += char
        if found := MARK.fullmatch(self._held):
            self._held = ""
            self._space = "\n" if "\n" in self._space else ""
            self._marks += [int(n) for n in re.findall(r"\d+", found.group(1))]
            self._after_mark = True
        elif not OPEN_MARK.fullmatch(self._held) or len(self._held) > LONGEST_MARK:
            self._release()

    def _release(self) -> None:
        """What was held back is no mark: it is text, unless it is the stump of a mark."""
        held, self._held = self._held, ""
        if held and not STUMP.fullmatch(held):
            for char in held:
                if char.isspace():
                    self._space += char
                else:
                    self._write(char)

    def _write(self, char: str) -> None:
        if self._sentence_over():
            self._end_sentence()
        if self.text and self._space:
            self.text += "\n" if "\n" in self._space else " "
        if not self._tail().strip():
            self._start = len(self.text)
        self._space, self._after_mark = "", False
        self.text += char

    def _sentence_over(self) -> bool:
        sentence = self._tail().rstrip()
        if not sentence:
            return False
        if "\n" in self._space or sentence[-1] in CJK_END:
            return True
        ended = bool(TERMINATOR.search(sentence)) and not ABBREVIATION.search(sentence)
        return bool(self._space or self._after_mark) and ended

    def _tail(self) -> str:
        """The end of the sentence that is being written: to look at all of it for each letter is slow."""
        return self.text[max(self._start, len(self.text) - TAIL) :]

    def _end_sentence(self) -> None:
        sentence, marks = self.text[self._start :], self._marks
        self._marks = []
        if sentence.strip() in self._said:
            # Nothing of it was sent: see _flush.
            self.text, self.repeated = self.text[: self._start], True
            return
        self._said.append(sentence.strip())
        if WORD.search(sentence):
            self._cite(sentence, [n for n in dict.fromkeys(marks) if 0 < n <= len(self._passages)])
            self._space = self._space or " "
        self._start = len(self.text)

    def _cite(self, sentence: str, named: Sequence[int]) -> None:
        matches = [self._match(sentence, n) for n in named]
        held = [found for found in matches if self._support(found) != "none"]
        chosen = held or self._best_of_all(sentence) or self._together(sentence, matches) or matches
        self.text += "".join(f" [{found.n}]" for found in chosen)
        span = (self._start, len(self.text))
        for found in chosen or [Match(0, 0, 0, 0.0, numbers=False)]:
            page = self._passages[found.n - 1].page if found.n else None
            quote = (found.start, found.end)
            self._ready.append(CitationEvent(span, found.n, quote, page, self._support(found)))

    def _match(self, sentence: str, n: int) -> Match:
        basis = self._passages[n - 1]
        return match(sentence, basis.text, n, context=basis.context, language=basis.language)

    def _together(self, sentence: str, matches: Sequence[Match]) -> list[Match]:
        """A sentence may rest on several passages, none of which holds all of it."""
        bases = [self._passages[found.n - 1] for found in matches]
        if len(bases) < 2:
            return []
        text = "\n".join(f"{basis.context}\n{basis.text}" for basis in bases)
        if match(sentence, text, 0, language=bases[0].language).support == "none":
            return []
        return [replace(found, share=LIKELY, numbers=True) for found in matches]

    def _best_of_all(self, sentence: str) -> list[Match]:
        """The passage that supports a sentence best, whatever the model named; none if none does."""
        every = [self._match(sentence, n) for n in range(1, len(self._passages) + 1)]
        best = max(every, key=lambda found: (found.numbers, found.share), default=None)
        return [best] if best and best.support != "none" else []

    def _support(self, found: Match) -> Support:
        foreign = bool(found.n) and self._passages[found.n - 1].foreign
        return "likely" if foreign and found.numbers and found.support == "none" else found.support

    def _may_repeat(self) -> bool:
        """While a sentence begins like an earlier one it is held back: small models repeat."""
        begun = self.text[self._start :].strip()
        return bool(begun) and any(said.startswith(begun) for said in self._said)

    def _flush(self) -> Iterator[Event]:
        end = self._start if self._may_repeat() else len(self.text)
        if end > self._sent:
            yield Token(self.text[self._sent : end])
            self._sent = end
        ready, self._ready = self._ready, []
        self.citations += ready
        yield from ready
