"""Sentences <-> passages: marks repaired, quotes located, unsupported sentences marked. Pure.

A model's text streams in; what goes out is the same text with marks that always point to a passage
that was given, and after each sentence the words that it rests on. Quotes are spans of the passage,
so a quote cannot be false.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chat.events import CitationEvent, Event, Token
from chat.match import LIKELY, NOTHING_ASKED, Asked, Match, match
from chat.sentences import ABBREVIATION, CJK_END, MARK, TAIL, TERMINATOR, sentences
from chat.weigh import Support

__all__ = ["MARK", "AnswerWriter", "Asked", "Basis", "match", "sentences"]


LONGEST_MARK = 40
BEST_FIRST: Sequence[Support] = ("verified", "likely", "none")
#: What goes on with a sentence after a mark in it.
CLOSING = ".,;:!?)"
ENDS = ".!?…。！？"
#: What follows where a sentence ends, or its words go on with others.
GOES_ON = re.compile(r"[,;:.!?…。！？)]*(?:\s|$)")
#: The beginning of a mark that the model never finished.
STUMP = re.compile(r"\[[\d\s,;&]*")
WORD = re.compile(r"\w")
OPEN_MARK = re.compile(r"\[\s*(?:p[a-z]*\s*)?[\d\s,;&]*", re.IGNORECASE)


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
    #: What the model reads before it, with its round brackets (chat/pack.py).
    label: str = ""


class AnswerWriter:
    """Takes the model's pieces, gives Token and CitationEvent events, and keeps the whole text.

    Marks are taken out of the stream and written at the end of their sentence, when it is known
    which hold: one that points to no passage is dropped, one whose passage does not support the
    sentence gives way to one that does. What was sent is never taken back. For a foreign passage
    facts alone decide.
    """

    def __init__(self, passages: Sequence[Basis], asked: Asked = NOTHING_ASKED) -> None:
        self.text = ""
        self.citations: list[CitationEvent] = []
        self._passages = passages
        self._labels = tuple(basis.label for basis in passages if basis.label)
        self._asked = asked
        self._held = ""
        self._space = ""
        self._marks: list[int] = []
        #: Marks that stand before what they mark: "[1] First. [2] Second."
        self._leading = False
        self._next: list[int] = []
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
        self._marks += self._next
        self._end_sentence()
        yield from self._flush()

    def supports(self) -> list[Support]:
        """The result of each sentence: the best of its citations."""
        by_sentence: dict[tuple[int, int], list[Support]] = {}
        for citation in self.citations:
            by_sentence.setdefault(citation.sentence, []).append(citation.support)
        return [min(each, key=BEST_FIRST.index) for each in by_sentence.values()]

    def _take(self, char: str) -> None:
        if self.repeated:
            return
        if self._held:
            self._hold(char)
        elif char == "[" or (char == "(" and self._labels and self._begins()):
            self._held = char
        elif char.isspace():
            self._space += char
        else:
            self._write(char)

    def _hold(self, char: str) -> None:
        if char == "[":
            self._release()
        self._held += char
        if self._held[0] == "(":
            self._hold_label()
        elif found := MARK.fullmatch(self._held):
            self._held = ""
            self._space = "\n" if "\n" in self._space else ""
            self._mark([int(n) for n in re.findall(r"\d+", found.group(1))])
        elif not OPEN_MARK.fullmatch(self._held) or len(self._held) > LONGEST_MARK:
            self._release()

    def _hold_label(self) -> None:
        """A passage's label, recited at the beginning of a sentence, is no part of it."""
        if self._held in self._labels:
            self._held = ""
        elif not any(label.startswith(self._held) for label in self._labels):
            self._release()

    def _begins(self) -> bool:
        """Whether the next character begins a sentence."""
        return bool(self._next) or not self._tail().strip() or self._sentence_over()

    def _mark(self, numbers: Sequence[int]) -> None:
        self._leading = self._leading or not self.text
        if self._leading and self._tail().strip():
            self._next += numbers
        else:
            self._marks += numbers
        self._after_mark = True

    def _turn(self, char: str) -> None:
        """Where marks lead, one before a new beginning ends what came before it."""
        marks, self._next = self._next, []
        if char.islower() or char in CLOSING:
            self._marks += marks
            return
        if not self._sentence_over():
            self._space = "\n"
        self._end_sentence()
        self._marks = marks

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
        if self._next:
            self._turn(char)
        elif self._sentence_over():
            self._end_sentence()
        if self.repeated:
            return
        if self._space and not self.text[-1:].isspace() and self.text:
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
        said = sentence.strip()
        if said and self._is_said(said):
            # Nothing of it was sent: see _flush.
            self.text, self.repeated = self.text[: self._start], said in self._said
            return
        self._said.append(said)
        if WORD.search(sentence):
            self._cite(sentence, [n for n in dict.fromkeys(marks) if 0 < n <= len(self._passages)])
            self._space = self._space or " "
        self._start = len(self.text)

    def _cite(self, sentence: str, named: Sequence[int]) -> None:
        matches = [self._match(sentence, n) for n in named]
        held = [found for found in matches if found.support != "none"]
        chosen = held or self._best_of_all(sentence) or self._together(sentence, matches) or matches
        self.text += "".join(f" [{found.n}]" for found in chosen)
        span = (self._start, len(self.text))
        for found in chosen or [Match(0, 0, 0, 0.0, facts=False)]:
            page = self._passages[found.n - 1].page if found.n else None
            quote = (found.start, found.end)
            self._ready.append(CitationEvent(span, found.n, quote, page, found.support))

    def _match(self, sentence: str, n: int) -> Match:
        basis = self._passages[n - 1]
        # A table without a language holds no words to compare with another language than English.
        foreign = basis.foreign or not (basis.language or self._asked.language in ("", "en"))
        return match(
            sentence,
            basis.text,
            n,
            context=basis.context,
            language=basis.language,
            foreign=foreign,
            asked=self._asked,
        )

    def _together(self, sentence: str, matches: Sequence[Match]) -> list[Match]:
        """A sentence may rest on several passages, none of which holds all of it."""
        bases = [self._passages[found.n - 1] for found in matches]
        if len(bases) < 2:
            return []
        text = "\n".join(f"{basis.context}\n{basis.text}" for basis in bases)
        foreign = any(basis.foreign for basis in bases)
        language = bases[0].language
        both = match(sentence, text, 0, language=language, foreign=foreign, asked=self._asked)
        missing = frozenset.intersection(*(found.missing for found in matches))
        if replace(both, facts=not missing).support == "none":
            return []
        return [replace(found, share=LIKELY, facts=True, sure=False) for found in matches]

    def _best_of_all(self, sentence: str) -> list[Match]:
        """The passage that supports a sentence best, whatever the model named; none if none does."""
        every = [self._match(sentence, n) for n in range(1, len(self._passages) + 1)]
        best = max(every, key=lambda found: (found.facts, found.sure, found.share), default=None)
        return [best] if best and best.support != "none" else []

    def _may_repeat(self) -> bool:
        """While a sentence begins like an earlier one it is held back: small models repeat."""
        begun = self.text[self._start :].strip().rstrip(ENDS)
        return bool(begun) and any(said.startswith(begun) for said in self._said)

    def _is_said(self, sentence: str) -> bool:
        """Whether an earlier sentence says the same, or the same and more: "$5" is not said by "$50"."""
        begun = sentence.rstrip(ENDS)
        return any(
            said.startswith(begun) and GOES_ON.match(said[len(begun) :]) for said in self._said
        )

    def _flush(self) -> Iterator[Event]:
        end = self._start if self._may_repeat() else len(self.text)
        if end > self._sent:
            yield Token(self.text[self._sent : end])
            self._sent = end
        ready, self._ready = self._ready, []
        self.citations += ready
        yield from ready
