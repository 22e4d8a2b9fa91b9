"""How long a question takes in small and large collections, stage by stage.

    python -m bench.latency --data DIR [--chunks 10000 100000] [--questions 200] [--room DIR] [--out DIR]

Texts are mixed from real sentences, vectors made up around real ones (bench/made.py); questions and
their vectors are real. At each size both ways of searching vectors are asked, whatever
SOVEREIGN_EXACT_SEARCH_CHUNKS says, and the product as it is set. `--first` asks the chat model's answer
as well, until the first thing that a person can use is there: the sources and the sentences nearest to
the question, while the model has not read a word.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import asking, made
from bench.fill import Filler, Source
from bench.report import table, write
from bench.room import Room, standing
from bench.vectors import Cache, Vectors

if TYPE_CHECKING:
    from ingest.models import Chunk

Row = dict[str, Any]
#: Real vectors around which others are made.
CENTRES = 20_000
WAYS = {"as set": None, "exact": 10**9, "chroma": 0}


def around(clouds: made.Clouds, most: int = 0) -> Callable[[Sequence["Chunk"]], list[Vectors]]:
    """As many vectors for each passage as the product makes of its text, or as `most` says."""

    def vectors_of(chunks: Sequence["Chunk"]) -> list[Vectors]:
        from ingest.embed import texts

        sizes = [most or len(texts(chunk.context, chunk.text)) for chunk in chunks]
        return clouds.around(chunks[0].pk.int % 2**63, sizes) if chunks else []

    return vectors_of


def centres(data: Path, cache: Cache) -> Vectors:
    """Vectors that are kept already (bench.public leaves some); at least some thousand."""
    from inference.client import get_client
    from ingest.embed import normalised

    if len(cache.sample(1_000)) < 1_000:
        texts = [" ".join(source[:4]) for source in made.sources(data) if source][:1_000]
        cache.fill(texts, lambda part: normalised(get_client().embed_passages(part)))
    return cache.sample(CENTRES)


def documents(texts: made.Texts) -> Iterator[Source]:
    for number in count():
        document = texts.document(number)
        yield Source(document.name, document.title, document.text)


def fill_to(filler: Filler, sources: Iterator[Source], chunks: int) -> int:
    """Write documents until the collection has about `chunks` passages. Returns how many it has."""
    from ingest.models import Chunk

    there = Chunk.objects.filter(index=filler.index, document__collection=filler.collection).count()
    if there >= chunks:
        return there
    for written in filler.write(sources):
        there += written
        if there >= chunks:
            break
    return there


@contextmanager
def exact_up_to(chunks: int | None) -> Iterator[None]:
    from django.conf import settings

    before = settings.EXACT_SEARCH_CHUNKS
    settings.EXACT_SEARCH_CHUNKS = before if chunks is None else chunks
    try:
        yield
    finally:
        settings.EXACT_SEARCH_CHUNKS = before


def first_seconds(room: Room, filler: Filler, question: str) -> float:
    """Of the first question after the collection changed: what is kept of it is made anew."""
    from ingest.exact import matrices

    matrices.clear()
    started = time.perf_counter()
    asking.ask(room, filler.collection.pk, question)
    return time.perf_counter() - started


def measure(room: Room, filler: Filler, questions: Sequence[str]) -> dict[str, Row]:
    found = {}
    for way, bound in WAYS.items():
        with exact_up_to(bound):
            first = first_seconds(room, filler, questions[0])
            found[way] = asking.asked(room, filler.collection.pk, questions)
        found[way] |= {"first s": round(first, 2), "memory MB": room.memory()["here"]}
        print(way, found[way], file=sys.stderr, flush=True)
    return found


def useful(room: Room, filler: Filler, questions: Sequence[str]) -> Row:
    """Milliseconds from the question to its sources, and to the instant answer beside them."""
    times = [_first_things(room, filler, question) for question in questions]
    stages = asking.stages(times)
    print("first useful", stages, file=sys.stderr, flush=True)
    return stages


def _first_things(room: Room, filler: Filler, question: str) -> dict[str, float]:
    from chat.answer import answer
    from chat.ask import Ask
    from chat.events import Instant, Sources, Token

    asked = Ask(room.user, question, (filler.collection.pk,), uuid.uuid4())
    found: dict[str, float] = {}
    started = time.perf_counter()
    with closing(answer(asked, stopped=lambda: False)) as events:
        for event in events:
            found[event.name] = (time.perf_counter() - started) * 1_000
            if isinstance(event, Instant | Token) or (
                isinstance(event, Sources) and not event.passages
            ):
                break
    return {name: ms for name, ms in found.items() if name in ("sources", "instant")}


def markdown(figures: dict[int, dict[str, Row]]) -> str:
    rows = [
        [f"{chunks:,}", way, *asking.line(row), row["first s"], round(row["memory MB"])]
        for chunks, ways in figures.items()
        for way, row in ways.items()
    ]
    first = next(iter(next(iter(figures.values())).values()))
    head = [
        "passages",
        "vectors",
        *asking.head(first),
        "first after a change, s",
        "memory here, MB",
    ]
    lines = [table(head, rows), "", "ms, p50 / p95."]
    if len(figures) > 1:
        small, large = (figures[size]["as set"]["stages"]["total"] for size in _ends(figures))
        lines += ["", f"Growth of the total, as set: p50 {large['p50'] / small['p50']:.2f}, p95 "
                  f"{large['p95'] / small['p95']:.2f} times."]  # fmt: skip
    return "\n".join(lines)


def _ends(figures: dict[int, Any]) -> tuple[int, int]:
    return min(figures), max(figures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--chunks", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument(
        "--first", action="store_true", help="with the chat model: the first thing shown"
    )
    parser.add_argument("--room", type=Path, default=Path("var/bench/latency"))
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="of vectors")
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    options = parser.parse_args()
    figures: dict[int, dict[str, Row]] = {}
    firsts: dict[int, Row] = {}
    with standing(options.room, {"SOVEREIGN_ENGINE": "auto"} if options.first else None) as room:
        from ingest.indexes import active

        clouds = made.Clouds(centres(options.data, Cache(options.cache, active().embedder)))
        filler = Filler(room.user, "latency", around(clouds))
        sources = documents(made.Texts(list(made.sources(options.data))))
        questions = made.questions(options.data, options.questions)
        for chunks in sorted(options.chunks):
            there = fill_to(filler, sources, chunks)
            print(f"{there} passages; {filler.spent.wall}", file=sys.stderr, flush=True)
            if options.first:
                firsts[there] = useful(room, filler, questions)
            figures[there] = measure(room, filler, questions)
    told = [f"First useful thing at {size:,} passages: {row}" for size, row in firsts.items()]
    text = "\n\n".join([markdown(figures), *told])
    write(options.out, "latency", {"by passages": figures, "first useful": firsts}, text)


if __name__ == "__main__":
    main()
