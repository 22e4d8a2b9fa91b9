"""Documents made up of real sentences, and vectors made up around real ones: large, yet natural.

Sentences are taken in runs from public texts, so that words are as common and as rare as in those;
each passage names a number of its own, as files of a company do.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import sets
from bench.vectors import Vectors

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")
#: Sentences of one run; words of a paragraph; paragraphs of a document.
RUN, WORDS, PARAGRAPHS = 3, 110, 20
#: How far a made vector lies from the real one: a cosine of 0.94 (e5 has 0.79 between any two texts).
NEAR = 0.35


@dataclass(frozen=True, slots=True)
class Made:
    """One document: the same for the same number."""

    name: str
    title: str
    text: str


class Texts:
    """Documents by number, mixed from sentences of `sources` (each a list in its order)."""

    def __init__(self, sources: Sequence[Sequence[str]]) -> None:
        self._sources = [source for source in sources if len(source) >= RUN]

    def document(self, number: int) -> Made:
        chance = random.Random(number)  # noqa: S311 (no secret)
        paragraphs = [self._paragraph(chance, number, part) for part in range(PARAGRAPHS)]
        title = " ".join(chance.choice(chance.choice(self._sources)).split()[:8])
        return Made(f"file-{number:07d}.txt", title, "\n\n".join(paragraphs))

    def _paragraph(self, chance: random.Random, number: int, part: int) -> str:
        taken = [f"File {number:06d}-{part:02d}."]
        words = 0
        while words < WORDS:
            source = chance.choice(self._sources)
            start = chance.randrange(len(source) - RUN + 1)
            run = source[start : start + RUN]
            taken += run
            words += sum(len(sentence.split()) for sentence in run)
        return " ".join(taken)


def sources(data: Path) -> Iterator[list[str]]:
    """Sentences, text by text: SciFact, ContractNLI and the Markdown files of the handbook."""
    texts = [text.text for text in [*sets.scifact(data).texts, *sets.contractnli(data).texts]]
    handbook = sorted((data / "handbook").rglob("*.md"))
    texts += [file.read_text(encoding="utf-8", errors="replace") for file in handbook]
    for text in texts:
        sentences = [" ".join(part.split()) for part in _SENTENCE.split(text)]
        yield [sentence for sentence in sentences if 20 <= len(sentence) <= 600]


def questions(data: Path, count: int) -> list[str]:
    """Real questions on those texts, in turn."""
    kinds = [
        [asked.text for asked in sets.scifact(data).questions],
        [asked.text for asked in sets.contractnli(data).questions[::5]],
        [row["question"] for row in sets.lines(data / "questions.jsonl") if not row.get("history")],
    ]
    turns = max(len(kind) for kind in kinds)
    mixed = [kind[turn] for turn in range(turns) for kind in kinds if turn < len(kind)]
    return mixed[:count]


class Clouds:
    """Vectors around real ones: a document's whole passages and their pieces lie near each other."""

    def __init__(self, real: Vectors) -> None:
        self._real = real

    def around(self, number: int, sizes: Sequence[int]) -> list[Vectors]:
        """For each passage as many vectors as `sizes` says, the first of the whole of it."""
        chance = np.random.default_rng(number)
        centres = self._real[chance.integers(len(self._real), size=len(sizes))]
        wholes = _moved(centres, chance)
        return [
            _moved(np.repeat(whole[None, :], size, axis=0), chance, first=True)
            for whole, size in zip(wholes, sizes, strict=True)
        ]


def _moved(vectors: Vectors, chance: np.random.Generator, *, first: bool = False) -> Vectors:
    """Each moved by NEAR in a direction of its own; the `first` stays where it is."""
    away = chance.standard_normal(vectors.shape, np.float32)
    away *= NEAR / np.linalg.norm(away, axis=1, keepdims=True)
    if first:
        away[0] = 0.0
    moved = vectors + away
    result: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return result
