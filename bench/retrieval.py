"""Does the product find the evidence? Its own retrieval, asked each question.

    python -m bench.retrieval --corpus FOLDER --questions FILE [--collection NAME] [--data DIR] [--out DIR]

The corpus goes through the real pipeline into a data folder of its own. Controls: the dense leg
alone, the lexical leg alone, both fused as the product does it.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.corpus import Corpus, answerable_here, ingest, read_questions
from bench.product import Product, running
from bench.report import table, write
from evaluation import scores
from evaluation.scores import Found, percentile

if TYPE_CHECKING:
    from chat.retrieve import Mode

MODES: tuple["Mode", ...] = ("hybrid", "dense", "lexical")
K = 10
COLUMNS: Mapping[str, Callable[[scores.Question, Sequence[Found]], bool]] = {
    "any@5": lambda q, f: scores.any_at(q, f, 5),
    "all@5": lambda q, f: scores.all_at(q, f, 5),
    "all@10": lambda q, f: scores.all_at(q, f, 10),
    "exact@5": lambda q, f: scores.exact_at(q, f, 5),
    "strict@3": lambda q, f: scores.strict_at(q, f, 3),
    "strict@5": lambda q, f: scores.strict_at(q, f, 5),
    "strict@10": lambda q, f: scores.strict_at(q, f, 10),
    "file@5": lambda q, f: scores.file_at(q, f, 5),
}
Row = dict[str, Any]


def ask(product: Product, corpus: Corpus, question: Row, mode: "Mode") -> tuple[list[Found], float]:
    """The first passages for a question as the product searches it, and milliseconds."""
    from chat.condense import Turn
    from chat.find import Query, find

    history = [Turn(turn["role"], turn["content"]) for turn in question.get("history", ())]
    started = time.perf_counter()
    asked = Query(question["question"], [corpus.collection], history, mode=mode)
    passages = find(product.user, asked, K).passages
    return corpus.found(passages), (time.perf_counter() - started) * 1000


def measure(product: Product, corpus: Corpus, questions: Sequence[Row], mode: "Mode") -> list[Row]:
    ask(product, corpus, questions[0], mode)  # the first search loads what later ones find loaded
    rows = []
    for number, question in enumerate(questions):
        found, ms = ask(product, corpus, question, mode)
        scored = {name: score(question, found) for name, score in COLUMNS.items()}
        about = {key: question[key] for key in ("id", "type", "language")}
        rows.append({**about, "half": "even" if number % 2 else "odd", "ms": ms, **scored})
    return rows


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The groups that are reported. Follow-ups and other languages stand apart."""
    english = [row for row in rows if row["language"] == "en" and row["type"] != "follow-up"]
    found = {
        "English without follow-ups": english,
        "odd half": [row for row in english if row["half"] == "odd"],
        "even half": [row for row in english if row["half"] == "even"],
    }
    for kind in ("fact", "table", "multi-hop"):
        found[kind] = [row for row in english if row["type"] == kind]
    found["follow-ups"] = [row for row in rows if row["type"] == "follow-up"]
    for language in sorted({row["language"] for row in rows} - {"en"}):
        found[language] = [row for row in rows if row["language"] == language]
    return {name: group for name, group in found.items() if group}


def summary(rows: Sequence[Row]) -> Row:
    times = [row["ms"] for row in rows]
    shares = {name: sum(row[name] for row in rows) / len(rows) for name in COLUMNS}
    return {
        "n": len(rows),
        **shares,
        "p50 ms": percentile(times, 0.5),
        "p95 ms": percentile(times, 0.95),
    }


def markdown(corpus: Corpus, skipped: int, figures: Mapping["Mode", dict[str, Row]]) -> str:
    parts = [
        f"{len(corpus.file_of)} documents, ingested in {corpus.seconds:.0f} s (0 when they were there), "
        f"{len(corpus.failed)} failed; {skipped} questions left out whose evidence is in a format "
        "that is not read."
    ]
    parts += [f"- failed: {file} ({code})" for file, code in sorted(corpus.failed.items())]
    for mode, by_group in figures.items():
        head = ["group", *next(iter(by_group.values()))]
        lines = [
            [
                name,
                *(
                    round(v) if key.endswith("ms") and v is not None else v
                    for key, v in row.items()
                ),
            ]
            for name, row in by_group.items()
        ]
        parts += ["", f"## {mode}", "", table(head, lines)]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of documents")
    parser.add_argument(
        "--questions", type=Path, required=True, help="a .jsonl of golden questions"
    )
    parser.add_argument("--collection", help="its name in the product (default: the folder's)")
    parser.add_argument("--data", type=Path, default=Path("var/bench"), help="data folder to use")
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    options = parser.parse_args()
    folder = options.corpus.resolve()
    with running(options.data) as product:
        corpus = ingest(product, folder, options.collection or folder.name)
        everything = [q for q in read_questions(options.questions) if q["answerable"]]
        questions = answerable_here(everything, corpus)
        if not questions:
            raise SystemExit("No question has its evidence in this corpus.")
        rows = {mode: measure(product, corpus, questions, mode) for mode in MODES}
    figures = {
        mode: {name: summary(group) for name, group in groups(found).items()}
        for mode, found in rows.items()
    }
    text = markdown(corpus, len(everything) - len(questions), figures)
    write(options.out, "retrieval", {"figures": figures, "questions": rows}, text)


if __name__ == "__main__":
    main()
