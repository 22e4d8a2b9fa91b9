"""Public retrieval sets through the product's own search: each leg alone, fused, fused by rank.

    python -m bench.public --data DIR [--set scifact ...] [--questions N] [--room DIR] [--out DIR]

DIR holds `retrieval/scifact`, `retrieval/legalbench-rag` and `qa/` (bench/sets.py). Each text becomes a
document of a real collection (bench/fill.py), each question goes through chat.find. Vectors are kept
by their text in the room's folder, so that only the first run embeds.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bench import ranking
from bench.fill import Filler, Source
from bench.ranking import Span
from bench.report import table, write
from bench.room import Room, standing
from bench.sets import SETS, Asked, Set, aligned
from bench.vectors import Cache, Vectors
from evaluation.scores import percentile

if TYPE_CHECKING:
    from chat.retrieve import Mode
    from ingest.models import Chunk

LEGS: tuple["Mode", ...] = ("dense", "lexical", "hybrid")
RANKS = "rank fusion (control)"
#: Passages that are asked for: enough for ten documents of several passages each.
DEPTH = 100
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What one search gave: passages best first, the document of each, and milliseconds."""

    passages: list[UUID]
    document_of: dict[UUID, str]
    ms: float

    def documents(self) -> list[str]:
        return ranking.firsts(self.document_of[passage] for passage in self.passages)


@dataclass
class Filled:
    """A set in the product. `spans` tells the characters of each passage in what was parsed."""

    collection: UUID
    key_of: dict[UUID, str]
    spans: dict[UUID, Span]
    wanted: Callable[[Asked], list[Span]]


# --- filling ------------------------------------------------------------------------------------


def fill(room: Room, cache: Cache, chosen: Set) -> Filled:
    filler = Filler(room.user, chosen.name, _embedded_by(cache))
    started, sources = time.monotonic(), [Source(t.key, t.title, t.text) for t in chosen.texts]
    for count in filler.write(sources):
        print(f"{chosen.name}: {filler.chunks} passages (+{count})", file=sys.stderr, flush=True)
    print(f"{chosen.name}: filled in {time.monotonic() - started:.0f} s", file=sys.stderr)
    key_of = {filler.document_id(text.key): text.key for text in chosen.texts}
    return Filled(filler.collection.pk, key_of, _spans(filler, key_of), _wanted(chosen))


def _embedded_by(cache: Cache) -> Callable[[Sequence["Chunk"]], list[Vectors]]:
    def vectors_of(chunks: Sequence["Chunk"]) -> list[Vectors]:
        from inference.client import get_client
        from ingest.embed import normalised, texts

        wanted = [texts(chunk.context, chunk.text) for chunk in chunks]
        every = [text for each in wanted for text in each]
        cache.fill(every, lambda part: normalised(get_client().embed_passages(part)))
        rows = iter(cache.vectors(every))
        return [normalised(_stacked([next(rows) for _ in each])) for each in wanted]

    return vectors_of


def _stacked(rows: Sequence[Vectors]) -> Vectors:
    import numpy as np

    return np.stack(rows)


def _spans(filler: Filler, key_of: Mapping[UUID, str]) -> dict[UUID, Span]:
    from ingest.models import Chunk

    rows = Chunk.objects.filter(index=filler.index, document__collection=filler.collection)
    found = rows.order_by().values_list("pk", "document_id", "start", "end")
    return {pk: Span(key_of[document], start, end) for pk, document, start, end in found}


def _wanted(chosen: Set) -> Callable[[Asked], list[Span]]:
    """The characters that a question wants, as offsets into what the product read."""
    from ingest.parsers.base import Limits
    from ingest.parsers.text import parse_text

    places = {
        text.key: aligned(text.text, parse_text(text.text, Limits()).text)
        for text in chosen.texts
        if any(asked.spans for asked in chosen.questions)
    }

    def wanted(asked: Asked) -> list[Span]:
        return [
            Span(span.file, places[span.file][span.start], places[span.file][span.end])
            for span in asked.spans
        ]

    return wanted


# --- asking -------------------------------------------------------------------------------------


def ask(room: Room, filled: Filled, question: str, leg: "Mode") -> Found:
    from chat.find import Query, find

    started = time.perf_counter()
    finding = find(room.user, Query(question, [filled.collection], mode=leg), DEPTH)
    ms = (time.perf_counter() - started) * 1_000
    document_of = {each.chunk: filled.key_of[each.document] for each in finding.passages}
    return Found([each.chunk for each in finding.passages], document_of, ms)


def by_rank(legs: Sequence[Found]) -> Found:
    """The control: the legs fused by their ranks alone."""
    document_of = {pk: key for leg in legs for pk, key in leg.document_of.items()}
    passages = ranking.fused_by_rank(leg.passages for leg in legs)
    return Found(passages, document_of, sum(leg.ms for leg in legs))


def measure(room: Room, filled: Filled, asked: Asked) -> dict[str, Row]:
    """The scores of one question by leg."""
    found: dict[str, Found] = {leg: ask(room, filled, asked.text, leg) for leg in LEGS}
    found[RANKS] = by_rank([found["dense"], found["lexical"]])
    score = _characters if asked.spans else _documents
    return {leg: {**score(filled, asked, each), "ms": each.ms} for leg, each in found.items()}


def _documents(_filled: Filled, asked: Asked, found: Found) -> Row:
    ranked = found.documents()
    return {
        "nDCG@10": ranking.ndcg_at(ranked, asked.gains, 10),
        "recall@5": ranking.recall_at(ranked, asked.gains, 5),
        "recall@10": ranking.recall_at(ranked, asked.gains, 10),
    }


def _characters(filled: Filled, asked: Asked, found: Found) -> Row:
    wanted, row = filled.wanted(asked), Row()
    for k in (5, 10):
        spans = [filled.spans[passage] for passage in found.passages[:k]]
        row[f"recall@{k}"], row[f"precision@{k}"] = ranking.characters(spans, wanted)
    return row


# --- reporting ----------------------------------------------------------------------------------


def summary(rows: Mapping[str, Sequence[Row]]) -> dict[str, Row]:
    """The mean of each score by leg; times as percentiles."""
    found: dict[str, Row] = {}
    for leg, each in rows.items():
        names = [name for name in each[0] if name != "ms"]
        times = [row["ms"] for row in each]
        found[leg] = {name: ranking.mean([row[name] for row in each]) for name in names}
        found[leg] |= {"p50 ms": percentile(times, 0.5), "p95 ms": percentile(times, 0.95)}
    return found


def gain(rows: Mapping[str, Sequence[Row]], name: str) -> Row:
    """What fusing brings over the leg that is better alone, by pairs of questions."""
    values = {leg: [row[name] for row in each] for leg, each in rows.items()}
    better = max(("dense", "lexical"), key=lambda leg: ranking.mean(values[leg]))
    middle, error = ranking.gain(values["hybrid"], values[better])
    return {"score": name, "better leg": better, "gain": middle, "standard error": error}


def markdown(name: str, texts: int, passages: int, rows: Mapping[str, list[Row]]) -> str:
    figures = summary(rows)
    head = ["leg", *next(iter(figures.values()))]
    lines = [
        [leg, *(f"{v:.3f}" if not key.endswith("ms") else round(v) for key, v in row.items())]
        for leg, row in figures.items()
    ]
    main = next(iter(rows["hybrid"][0]))
    told = gain(rows, main)
    return "\n".join(
        [
            f"## {name}: {texts} documents, {passages} passages, {len(rows['hybrid'])} questions",
            "",
            table(head, lines),
            "",
            f"Fused against the better leg ({told['better leg']}), {main}: "
            f"{told['gain']:+.3f} (standard error {told['standard error']:.3f}).",
        ]
    )


def run(room: Room, cache: Cache, chosen: Set, most: int) -> tuple[str, Row]:
    filled = fill(room, cache, chosen)
    step = max(1, len(chosen.questions) // most) if most else 1
    rows: dict[str, list[Row]] = {}
    for asked in chosen.questions[::step]:
        for leg, row in measure(room, filled, asked).items():
            rows.setdefault(leg, []).append(row)
    text = markdown(chosen.name, len(chosen.texts), len(filled.spans), rows)
    print(text, file=sys.stderr, flush=True)
    return text, {"figures": summary(rows), "questions": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--set", choices=list(SETS), action="append", help="default: all")
    parser.add_argument("--questions", type=int, default=0, help="about so many of each set")
    parser.add_argument("--room", type=Path, default=Path("var/bench/public"))
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="of vectors")
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    options = parser.parse_args()
    parts, figures = [], {}
    with standing(options.room) as room:
        from ingest.indexes import active

        cache = Cache(options.cache, active().embedder)
        for name in options.set or SETS:
            text, figures[name] = run(room, cache, SETS[name](options.data), options.questions)
            parts.append(text)
    write(options.out, "public", figures, "\n\n".join(parts))


if __name__ == "__main__":
    main()
