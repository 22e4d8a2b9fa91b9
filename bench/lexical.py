"""The lexical leg alone: recall in several languages, cost by size, nearness to BM25 over all rows.

    python -m bench.lexical --data DIR --room DIR [--passages 3500 10000 100000] [--questions N]

DIR is as for bench/sets.py. `--room` becomes a folder with a database of its own. Seconds are CPU
seconds of this process: compare their ratios.
"""

import argparse
import os
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import ranking
from bench.report import table
from bench.sets import Asked, Set, clapnq, cmrc, jaquad, scifact
from evaluation.scores import percentile

if TYPE_CHECKING:
    from ingest.models import Chunk, Collection, Document

SENTENCE = re.compile(r"(?<=[.!?])\s+")
#: Sentences of a made passage, and passages of a made document.
SENTENCES, PASSAGES = 5, 20
DOCUMENTS = 200
DEPTH = 100
ALL = 10**9


def standing(room: Path) -> None:
    """A database in `room`, with all tables."""
    room.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="sovereign.settings",
        SOVEREIGN_DATA_DIR=str(room.absolute()),
        SOVEREIGN_MODELS_URL="fake:",
        SOVEREIGN_LOG_LEVEL="WARNING",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def collection(name: str) -> "Collection":
    from accounts.models import User
    from ingest.collections import create_collection

    email = "bench@bench.example"
    user = User.objects.filter(email=email).first()
    return create_collection(user or User.objects.create_user(email, is_admin=True), name=name)


# --- writing ------------------------------------------------------------------------------------

#: A document: its name, and (context, text) of its passages.
Made = tuple[str, Sequence[tuple[str, str]]]


def write(into: "Collection", documents: Iterable[Made]) -> None:
    from django.db import transaction

    from ingest import lexical
    from ingest.models import Chunk, Document

    waiting = iter(documents)
    while part := list(islice(waiting, DOCUMENTS)):
        with transaction.atomic():
            made = [_rows(into, *each) for each in part]
            Document.objects.bulk_create(document for document, _ in made)
            Chunk.objects.bulk_create(chunk for _, chunks in made for chunk in chunks)
            for document, chunks in made:
                lexical.index(document, chunks)


def _rows(
    into: "Collection", name: str, passages: Sequence[tuple[str, str]]
) -> tuple["Document", list["Chunk"]]:
    from inference.language import detect_language
    from ingest.indexes import active
    from ingest.models import Chunk, Document

    language = detect_language(" ".join(text for _, text in passages)[:20_000])
    document = Document(
        collection=into,
        name=name,
        title=name,
        bytes=1,
        sha256=name[-64:],
        media_type="text/plain",
        status=Document.Status.READY,
        visible=True,
        language=language,
        chunk_count=len(passages),
    )
    index = active()
    place = {"index": index, "document": document, "language": language, "start": 0, "end": 1}
    chunks = [
        Chunk(ordinal=number, context=context, text=text, **place)
        for number, (context, text) in enumerate(passages)
    ]
    return document, chunks


def mixed(texts: Sequence[str], seed: int = 7) -> Iterator[Made]:
    """Documents without end, of sentences drawn from the texts."""
    source = random.Random(seed)  # noqa: S311
    sentences = [part for text in texts for part in SENTENCE.split(text) if len(part) > 20]
    number = 0
    while True:
        made = [" ".join(source.choices(sentences, k=SENTENCES)) for _ in range(PASSAGES)]
        yield f"mixed-{number}", [("", text) for text in made]
        number += 1


# --- quality ------------------------------------------------------------------------------------


def quality(one: Set, most: int) -> list[str]:
    from ingest.chunk import chunk_document
    from ingest.parsers.base import Limits
    from ingest.parsers.text import parse_text

    into = collection(one.name)
    write(
        into,
        (
            (text.key, [(d.context, d.text) for d in chunk_document(parsed, title=text.title)])
            for text in one.texts
            for parsed in [parse_text(text.text, Limits())]
        ),
    )
    asked = one.questions[:most]
    found = [documents(into, question) for question in asked]
    ndcg = ranking.mean(
        [ranking.ndcg_at(f, q.gains, 10) for f, q in zip(found, asked, strict=True)]
    )
    recall = ranking.mean(
        [ranking.recall_at(f, q.gains, 5) for f, q in zip(found, asked, strict=True)]
    )
    return [one.name, str(len(asked)), f"{recall:.3f}", f"{ndcg:.3f}"]


def documents(into: "Collection", question: Asked) -> list[str]:
    """Names of the documents found, best first."""
    from ingest.models import Chunk

    ids = search(into, question.text, DEPTH)
    names = dict(Chunk.objects.filter(id__in=ids).values_list("id", "document__name"))
    return ranking.firsts(names[pk] for pk in ids)


def search(into: "Collection", question: str, limit: int) -> list[Any]:
    from ingest import lexical
    from ingest.indexes import active

    return [hit.chunk for hit in lexical.search(question, [into.pk], limit, index=active().pk)]


# --- cost ---------------------------------------------------------------------------------------


def cost(into: "Collection", questions: Sequence[str]) -> list[float]:
    """CPU milliseconds of each question, after the common words were counted once."""
    spent = []
    for question in questions:
        search(into, question, DEPTH)
    for question in questions:
        start = time.process_time()
        search(into, question, DEPTH)
        spent.append(1000 * (time.process_time() - start))
    return spent


def overlap(into: "Collection", questions: Sequence[str], k: int = 10) -> float:
    """Share of the best `k` by BM25 over all words and rows that are among the best `k` found."""
    from ingest import lexical, lexical_plan

    kept = lexical.RAREST, lexical.CANDIDATES, lexical_plan.ROWS
    near = [search(into, question, k) for question in questions]
    lexical.RAREST, lexical.CANDIDATES, lexical_plan.ROWS = ALL, ALL, ALL
    full = [search(into, question, k) for question in questions]
    lexical.RAREST, lexical.CANDIDATES, lexical_plan.ROWS = kept
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(near, full, strict=True) if b]
    return ranking.mean(shares)


def sizes(steps: Sequence[int], texts: Sequence[str], questions: Sequence[str]) -> list[list[str]]:
    rows, into, there = [], collection("mixed"), 0
    source = mixed(texts)
    for size in steps:
        start = time.process_time()
        write(into, islice(source, (size - there) // PASSAGES))
        each = 1000 * (time.process_time() - start) / max(1, size - there)
        there = size
        spent = cost(into, questions)
        p50, p95 = (percentile(spent, share) for share in (0.5, 0.95))
        same = overlap(into, questions[:: max(1, len(questions) // 25)])
        rows.append(
            [
                str(size),
                f"{p50:.1f}",
                f"{p95:.1f}",
                f"{max(spent):.1f}",
                f"{same:.3f}",
                f"{each:.2f}",
            ]
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--room", type=Path, required=True)
    parser.add_argument("--passages", type=int, nargs="*", default=[3_500, 10_000, 100_000])
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    standing(options.room)
    sets = [make(options.data) for make in (scifact, jaquad, cmrc, clapnq)]
    rows = [quality(one, options.questions) for one in sets]
    print(table(["set", "questions", "recall@5", "nDCG@10"], rows), flush=True)
    english = [one for one in sets if one.language == "en"]
    questions = [question.text for one in english for question in one.questions[:100]]
    texts = [text.text for one in english for text in one.texts]
    head = ["passages", "p50 ms", "p95 ms", "most ms", "overlap@10", "indexing ms a passage"]
    if options.passages:
        print(table(head, sizes(options.passages, texts, questions)))


if __name__ == "__main__":
    main()
