"""Another embedder while people ask: failed questions, and answers from two indexes. Both must be 0.

    python -m bench.reindex [--data DIR] [--corpus DIR] [--embedder all-minilm-l6-v2] [--askers 4]

Without `--corpus` the sample handbook is asked. The askers search and ask through the API all the
time, from before the build begins until after the switch. Exit code 1 when a question failed, found
nothing, or was answered from two indexes.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from bench.product import ROOT, Product, running
from evaluation.scores import percentile

#: Before the build begins, and after the switch.
AROUND_SECONDS = 20.0
POLL_SECONDS = 2.0
MOST_SECONDS = 3_000.0
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One question: when it began, how it ended ("": well), and the passages that it rests on."""

    began: float
    seconds: float
    way: str
    failure: str
    chunks: tuple[UUID, ...]


@dataclass
class Seen:
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def search(product: Product, question: str) -> tuple[str, tuple[UUID, ...]]:
    answer = httpx.post(
        f"{product.address}/api/v1/search",
        json={"query": question, "k": 10},
        headers=product.headers,
        timeout=300,
    )
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}: {answer.json().get('code')}", ()
    return "", tuple(UUID(each["chunk"]) for each in answer.json()["passages"])


def answer(product: Product, question: str) -> tuple[str, tuple[UUID, ...]]:
    url, body = f"{product.address}/api/v1/answers", {"question": question}
    last, chunks, name = "no end", tuple[UUID, ...](), ""
    with httpx.stream("POST", url, json=body, headers=product.headers, timeout=300) as response:
        if response.status_code != 200:
            return f"HTTP {response.status_code}", ()
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name == "sources":
                passages = json.loads(line[6:])["passages"]
                chunks = tuple(UUID(each["chunk"]) for each in passages)
            elif line.startswith("data: ") and name in {"done", "failed"}:
                last = "" if name == "done" else str(json.loads(line[6:])["code"])
    return last, chunks


WAYS = {"search": search, "answer": answer}


def ask_on(product: Product, questions: Sequence[str], first: int, seen: Seen) -> None:
    """Ask one question after the other, by turns to search and to be answered."""
    number = first
    while not seen.over.is_set():
        way = ("search", "answer")[number % 2]
        began = time.monotonic()
        try:
            failure, chunks = WAYS[way](product, questions[number % len(questions)])
        except httpx.HTTPError as error:
            failure, chunks = type(error).__name__, ()
        took = time.monotonic() - began
        seen.asked.append(Asked(began, took, way, failure, chunks))
        number += 1


def manage(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def rebuild(embedder: str) -> Row:
    """Build and switch. When each began, and how far it was meanwhile."""
    from ingest import indexes, reindex

    old = indexes.active()
    began = time.monotonic()
    manage("reindex", "--embedder", embedder)
    while indexes.active().pk == old.pk:
        if time.monotonic() - began > MOST_SECONDS:
            raise SystemExit("It was not switched: " + manage("reindex", "--status"))
        if building := reindex.building():
            print(reindex.progress(building), file=sys.stderr)
        time.sleep(POLL_SECONDS)
    return {"began": began, "switched": time.monotonic(), "old": old.pk}


def run(product: Product, questions: Sequence[str], options: argparse.Namespace) -> Row:
    seen = Seen()
    with ThreadPoolExecutor(options.askers) as pool:
        for number in range(options.askers):
            pool.submit(ask_on, product, questions, number * 7, seen)
        try:
            time.sleep(AROUND_SECONDS)
            done = rebuild(options.embedder)
            time.sleep(AROUND_SECONDS)
        finally:
            seen.over.set()
    return report(seen.asked, done)


def report(asked: Sequence[Asked], done: Row) -> Row:
    """Counts of what was asked, and how long it took before, during and after the build."""
    from ingest.models import Chunk

    chunks = {chunk for each in asked for chunk in each.chunks}
    index_of = dict(Chunk.objects.filter(pk__in=chunks).values_list("pk", "index_id"))
    indexes = [{index_of.get(chunk) for chunk in each.chunks} for each in asked]
    times = {
        "before": [each for each in asked if each.began < done["began"]],
        "during": [each for each in asked if done["began"] <= each.began < done["switched"]],
        "after": [each for each in asked if each.began >= done["switched"]],
    }
    return {
        "questions": len(asked),
        "failed": dict(Counter(each.failure for each in asked if each.failure)),
        "without passages": sum(not each.chunks and not each.failure for each in asked),
        "from two indexes": sum(len(found) > 1 for found in indexes),
        "passages that are gone": sum(None in found for found in indexes),
        "from the old index": sum(done["old"] in found for found in indexes),
        "build s": round(done["switched"] - done["began"], 1),
        "seconds": {
            f"{when}, {way}": _seconds([each.seconds for each in found if each.way == way])
            for when, found in times.items()
            for way in WAYS
        },
    }


def _seconds(found: Sequence[float]) -> Row:
    if not found:
        return {"questions": 0}
    shares = {"p50": percentile(found, 0.5) or 0.0, "p95": percentile(found, 0.95) or 0.0}
    return {"questions": len(found), **{name: round(each, 2) for name, each in shares.items()}}


def ready(product: Product, corpus: Path | None) -> None:
    """Wait until the documents are there."""
    from bench.corpus import ingest
    from ingest.models import Document

    if corpus:
        ingest(product, corpus, "Reindex")
    while Document.objects.filter(status__in=["queued", "processing"]).exists():
        time.sleep(POLL_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var/bench/reindex"))
    parser.add_argument("--corpus", type=Path, help="documents; beside them questions.jsonl")
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--model", action="store_true", help="answer by the chat model, too")
    options = parser.parse_args()
    settings = {} if options.model else {"SOVEREIGN_ENGINE": "extractive"}
    source = options.corpus.parent if options.corpus else ROOT / "samples"
    lines = (source / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    with running(options.data, settings) as product:
        ready(product, options.corpus)
        row = run(product, questions, options)
        print(json.dumps({**row, "load": os.getloadavg()}, indent=1))
    bad = ("failed", "without passages", "from two indexes", "passages that are gone")
    return int(any(row[name] for name in bad))


if __name__ == "__main__":
    raise SystemExit(main())
