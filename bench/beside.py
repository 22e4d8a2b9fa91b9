"""First words while documents come in, against quiet.

    python -m bench.beside --corpus FOLDER --questions FILE [--count 20] [--data DIR]

Each third file is taken in, then each question that those answer is asked in quiet, one after the
other, and again while the other files come into another collection. Seconds from the request.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import ingest
from bench.answers import ask
from bench.corpus import Corpus, answerable_here, read_questions
from bench.product import Product, running
from evaluation.scores import percentile

Row = dict[str, Any]
EVENTS = ("first_sources", "first_instant", "first_token", "total")


def asked(product: Product, corpus: Corpus, questions: Sequence[Row], when: str) -> list[Row]:
    rows = []
    for question in questions:
        row = ask(product, corpus, question)
        rows.append({"when": when} | {key: row.get(key) for key in ("status", *EVENTS)})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def summary(rows: Sequence[Row]) -> Row:
    """Median and p95 by event of those that had it."""
    found = {name: [row[name] for row in rows if row[name] is not None] for name in EVENTS}
    return {
        name: {"n": len(values), "p50": percentile(values, 0.5), "p95": percentile(values, 0.95)}
        for name, values in found.items()
        if values
    }


def halves(product: Product, folder: Path) -> tuple[Corpus, list[Path]]:
    """Each third file as a collection that is ready, and the other files."""
    files = sorted(file for each in ingest.by_format(folder).values() for file in each)
    first = ingest.put(product, files[::3], folder, "there already")
    ingest.wait(first)
    documents = {
        f"{folder.name}/{each.path}/{each.name}".replace("//", "/"): each.pk
        for each in first.documents.all()
    }
    file_of = {pk: file for file, pk in documents.items()}
    return Corpus(first.pk, documents, file_of, {}, 0.0), [f for f in files if f not in files[::3]]


def measure(product: Product, options: argparse.Namespace) -> None:
    from ingest.models import Document

    corpus, others = halves(product, options.corpus)
    known = answerable_here(read_questions(options.questions), corpus)
    questions = [each for each in known if each["answerable"]][: options.count]
    asked(product, corpus, questions[:2], "warming up")
    quiet = asked(product, corpus, questions, "quiet")
    second = ingest.put(product, others, options.corpus, "coming in")
    beside = asked(product, corpus, questions, "beside")
    still = Document.objects.filter(collection=second, status__in=["queued", "processing"]).count()
    print(json.dumps({"quiet": summary(quiet), "beside": summary(beside), "still in work": still}))
    print(json.dumps(ingest.wait(second)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--data", type=Path, default=Path("var/bench-beside"))
    options = parser.parse_args()
    with running(options.data) as product:
        measure(product, options)


if __name__ == "__main__":
    main()
