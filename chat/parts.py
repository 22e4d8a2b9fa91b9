"""Which parts of the passages are read, and which are quoted: the few that answer. Pure.

A model on a small machine reads a few hundred tokens. Spent on the nearest parts of twenty passages
they hold the answer more often than spent on the first passages (docs/measuring.md).
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ingest.atoms import sentence_ends

#: The version of these rules, for whoever compares what two of them gave to a model.
RULES = "1"
#: Shares of what makes a part worth reading: how near it is, its passage's rank, the question's words.
NEAR, RANK = 0.7, 0.3
WORDS_READ, WORDS_QUOTED = 0.3, 1.0
#: Words of quotes that stand for an answer.
QUOTED_WORDS = 70
#: Between the cells of a row.
CELLS = " | "
SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", "。", "！", "？")
#: A line of no more words, without an end, is a heading.
HEADING_WORDS = 8
#: What stands between parts of a passage that are not neighbours.
GAP = " … "


@dataclass(frozen=True, slots=True)
class Part:
    """Characters `start` to `end` of the passage number `passage` (from 0).

    `near`: cosine of the question and the piece that it is in; 0 where no vectors are known. `rank`:
    the score of its passage, 0 to 1. `held`: the question's terms in it.
    """

    passage: int
    start: int
    end: int
    near: float = 0.0
    rank: float = 0.0
    held: frozenset[str] = frozenset()


Held = Callable[[int, int, int], frozenset[str]]


def best_first(parts: Sequence[Part], words: float) -> list[Part]:
    """The worthiest first. `words`: what a part counts that holds all the question's terms.

    A term counts the more, the fewer of the parts hold it.
    """
    seen = Counter(term for part in parts for term in part.held)
    rarity = {term: math.log(1 + len(parts) / count) for term, count in seen.items()}
    total = sum(rarity.values()) or 1.0
    low = min((part.near for part in parts), default=0.0)
    span = max((part.near for part in parts), default=0.0) - low or 1.0

    def worth(part: Part) -> float:
        said = sum(rarity[term] for term in part.held) / total
        return NEAR * (part.near - low) / span + RANK * part.rank + words * said

    return sorted(parts, key=lambda part: (-worth(part), part.passage, part.start))


def read(
    parts: Sequence[Part], sizes: Sequence[int], labels: Sequence[int], tokens: int
) -> list[Part]:
    """Those of `parts` (the best first) that fit into `tokens`, at least the first.

    `sizes`: tokens of each part; `labels`: of what stands before each passage once, by its number.
    One that does not fit makes way for smaller ones after it.
    """
    chosen: list[Part] = []
    open_passages: set[int] = set()
    used = 0
    for part, size in zip(parts, sizes, strict=True):
        cost = size + (0 if part.passage in open_passages else labels[part.passage])
        if chosen and used + cost > tokens:
            continue
        used += cost
        open_passages.add(part.passage)
        chosen.append(part)
    return chosen


def quotes(texts: Sequence[str], parts: Sequence[Part], held: Held) -> list[Part]:
    """Sentences worth quoting, about QUOTED_WORDS, in the order of their passages.

    `parts` tell how near the question each place is; `held(passage, start, end)` gives its terms.
    """
    sentences = [
        replace(part, start=start, end=end, held=held(part.passage, start, end))
        for part in parts
        for start, end in telling(texts[part.passage], part.start, part.end)
    ]
    chosen: list[Part] = []
    room = QUOTED_WORDS
    for sentence in best_first(sentences, WORDS_QUOTED):
        room -= len(texts[sentence.passage][sentence.start : sentence.end].split())
        if chosen and room < 0:
            break
        chosen.append(sentence)
    return sorted(chosen, key=lambda part: (part.passage, part.start))


def telling(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentences and lines of a part of `text` that tell something by themselves.

    Headings and the head of a table hold the words of a question like nothing else, and answer none.
    All of them where there is nothing else.
    """
    spans = sentences_of(text, start, end)
    lines = ["", *(text[first:last] for first, last in spans)]
    chosen = [
        span
        for span, line, before in zip(spans, lines[1:], lines, strict=False)
        if (CELLS in before if CELLS in line else _is_sentence(line))
    ]
    return chosen or spans


def _is_sentence(line: str) -> bool:
    ends = line.rstrip("\"'”’»)*_")[-1:] in SENTENCE_ENDS
    return ends or len(line.split()) > HEADING_WORDS or any(letter.isdigit() for letter in line)


def sentences_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentences and lines of a part of `text`, without the white space around them."""
    ends = [start + place for place in sentence_ends(text[start:end])]
    bounds = [start, *(place for place in ends if start < place < end), end]
    found = []
    for first, last in itertools.pairwise(bounds):
        said = text[first:last]
        if plain := said.strip():
            begin = first + said.index(plain)
            found.append((begin, begin + len(plain)))
    return found


def text_of(text: str, parts: Iterable[Part]) -> str:
    """Parts of one passage in the order of reading."""
    said, last = "", None
    for part in sorted(parts, key=lambda part: part.start):
        if last is not None:
            said += text[last : part.start] if not text[last : part.start].strip() else GAP
        said += text[part.start : part.end]
        last = part.end
    return said
