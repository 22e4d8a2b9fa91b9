"""Are the answers right? Each question asked through the API, as a person's browser would.

    python -m bench.answers --corpus FOLDER --questions FILE [--limit N | --sample N] [--out DIR]

Slow (a small machine writes for half a minute), so each answer is kept in OUT/answers.jsonl as it
comes and a second run goes on where the first one stopped. `--fresh` begins again.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from bench.corpus import Corpus, answerable_here, ingest, read_questions
from bench.product import Product, running
from bench.report import table, write
from evaluation import scores
from evaluation.measures import half
from evaluation.scores import Found, percentile
from inference.language import detect_language

TIMEOUT = httpx.Timeout(600.0, connect=10.0)
Row = dict[str, Any]


def events(response: httpx.Response) -> Iterator[tuple[str, Row]]:
    """The server-sent events of an answer."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def ask(product: Product, corpus: Corpus, question: Row) -> Row:
    """One answer with its times, seconds from the request."""
    body = {
        "question": question["question"],
        "collections": [str(corpus.collection)],
        "history": question.get("history", []),
        "store": False,
    }
    row: Row = {"id": question["id"], "text": "", "status": "failed"}
    row |= {"passages": [], "citations": []}
    started = time.perf_counter()

    def mark(name: str) -> None:
        row.setdefault(name, round(time.perf_counter() - started, 3))

    url = f"{product.address}/api/v1/answers"
    with httpx.stream("POST", url, json=body, headers=product.headers, timeout=TIMEOUT) as response:
        if response.status_code != 200:
            row["error"] = f"HTTP {response.status_code}"
            return row
        for name, data in events(response):
            if name in ("sources", "instant", "token"):
                mark(f"first_{name}")
            hear(row, name, data)
    mark("total")
    return row


def hear(row: Row, name: str, data: Row) -> None:
    """Keep one event of an answer."""
    match name:
        case "sources":
            row["passages"] = [
                {"text": p["text"], "document": p["document"]["id"]} for p in data["passages"]
            ]
        case "token":
            row["text"] += data["text"]
        case "withdrawn":
            row |= {"text": "", "citations": [], "withdrawn": True}
        case "citation":
            row["citations"].append(data)
        case "done":
            row |= {key: data[key] for key in ("status", "tokens", "ms", "confidence")}
        case "failed":
            row["error"] = data["code"]


def score(question: Row, row: Row, corpus: Corpus) -> Row:
    by_document = {str(pk): file for pk, file in corpus.file_of.items()}
    sources = [Found(p["text"], by_document.get(p["document"], "?")) for p in row["passages"]]
    refused = scores.refused(row["text"], status=row["status"])
    return {
        "id": question["id"],
        "type": question["type"],
        "language": question["language"],
        "answerable": question["answerable"],
        "failed": row["status"] == "failed",
        "refused": refused,
        "correct": not refused and scores.correct(question, row["text"]),
        "in context": question["answerable"] and scores.all_at(question, sources, len(sources)),
        "marked": bool(scores.marks(row["text"])),
        "right": scores.right(question, row["text"], sources),
        "dangling": scores.dangling(row["text"], sources),
        "language kept": detect_language(row["text"]) in ("", question["language"]),
        "confidence": row.get("confidence"),
        **sentences(question, row, sources, holding(question, row, corpus)),
    }


def holding(question: Row, row: Row, corpus: Corpus) -> set[str]:
    """The files among an answer's sources that hold a quote of the evidence, whether the question
    names them or not: much stands in two documents."""
    from ingest.models import Chunk

    cited = {UUID(p["document"]) for p in row["passages"]}
    texts = Chunk.objects.filter(document__in=cited, index__state="active")
    quotes = [item["quote"] for item in question["evidence"]]
    return {
        corpus.file_of[document]
        for document, text in texts.values_list("document", "text")
        if document in corpus.file_of and any(scores.holds(text, quote) for quote in quotes)
    }


def sentences(question: Row, row: Row, sources: Sequence[Found], holding: set[str]) -> Row:
    """Of the sentences that carry a citation: how many, with how many one is into a right document or
    one that holds the evidence, how many are marked as unsupported; quotes outside their passage."""
    right = scores.right_files(question)
    of: dict[tuple[int, int], list[Row]] = {}
    for citation in row["citations"]:
        of.setdefault(tuple(citation["sentence"]), []).append(citation)
    held = [[c for c in each if c["support"] != "none"] for each in of.values()]
    files = [{sources[c["n"] - 1].file for c in each} for each in held if each]
    return {
        "sentences": len(of),
        "supported": len(files),
        "unsupported": len(of) - len(files),
        "into right": sum(bool(each & right) for each in files),
        "into holding": sum(bool(each & (right | holding)) for each in files),
        "false quotes": sum(not _stands(c, sources) for each in held for c in each),
    }


def _stands(citation: Row, sources: Sequence[Found]) -> bool:
    start, end = citation["quote"]
    return bool(0 <= start < end <= len(sources[citation["n"] - 1].text))


def share(rows: Sequence[Row], key: str) -> float | None:
    return sum(bool(row[key]) for row in rows) / len(rows) if rows else None


def ratio(rows: Sequence[Row], part: str, whole: str) -> float | None:
    total = sum(row[whole] for row in rows)
    return sum(row[part] for row in rows) / total if total else None


def summary(rows: Sequence[Row]) -> Row:
    answered = [row for row in rows if row["answerable"]]
    told = [row for row in answered if not row["refused"]]
    marked = [row for row in told if row["marked"]]
    return {
        "n": len(rows),
        "correct": share(answered, "correct"),
        "in context": share(answered, "in context"),
        "correct when in context": share([row for row in answered if row["in context"]], "correct"),
        "right of marked": share(marked, "right"),
        "right of all": share(answered, "right"),
        "sentences into right documents": ratio(told, "into right", "supported"),
        "sentences into documents that hold the evidence": ratio(told, "into holding", "supported"),
        "sentences unsupported": ratio(told, "unsupported", "sentences"),
        "refused, answerable": share(answered, "refused"),
        "refused, unanswerable": share([row for row in rows if not row["answerable"]], "refused"),
        "in the language asked": share(
            [row for row in rows if not row["refused"]], "language kept"
        ),
        "dangling": sum(row["dangling"] for row in rows),
        "false quotes": sum(row["false quotes"] for row in rows),
        "failed": sum(row["failed"] for row in rows),
    }


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    english = [row for row in rows if row["language"] == "en"]
    found = {"all": list(rows), "English": english}
    for kind in ("fact", "table", "multi-hop", "follow-up", "unanswerable"):
        found[f"English {kind}"] = [row for row in english if row["type"] == kind]
    for name in ("odd", "even"):
        found[f"English answerable, {name}"] = [
            row for row in english if row["answerable"] and half(row["id"]) == name
        ]
    found["other languages"] = [row for row in rows if row["language"] != "en"]
    return {name: group for name, group in found.items() if group}


def times(rows: Sequence[Row]) -> dict[str, Row]:
    found = {}
    for key in ("first_sources", "first_instant", "first_token", "total"):
        values = [row[key] for row in rows if key in row]
        found[key] = {
            "n": len(values),
            "p50 s": percentile(values, 0.5),
            "p95 s": percentile(values, 0.95),
        }
    return found


def markdown(figures: dict[str, Row], seconds: dict[str, Row]) -> str:
    head = ["group", *next(iter(figures.values()))]
    first = table(head, [[name, *row.values()] for name, row in figures.items()])
    second = table(
        ["time", "n", "p50 s", "p95 s"], [[k, *row.values()] for k, row in seconds.items()]
    )
    return f"{first}\n\n{second}"


def chosen(questions: list[Row], options: argparse.Namespace) -> list[Row]:
    if options.sample:
        size = min(options.sample, len(questions))
        return random.Random(options.seed).sample(questions, size)  # noqa: S311 (repeatable)
    return questions[: options.limit] if options.limit else questions


def kept(path: Path, fresh: bool) -> dict[str, Row]:
    if fresh or not path.exists():
        return {}
    return {row["id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--collection", help="its name in the product (default: the folder's)")
    parser.add_argument("--limit", type=int, default=0, help="ask the first N only")
    parser.add_argument("--sample", type=int, default=0, help="ask N drawn at random (see --seed)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--fresh", action="store_true", help="forget earlier answers")
    parser.add_argument("--data", type=Path, default=Path("var/bench"))
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    options = parser.parse_args()
    folder = options.corpus.resolve()
    with running(options.data) as product:
        corpus = ingest(product, folder, options.collection or folder.name)
        questions = chosen(answerable_here(read_questions(options.questions), corpus), options)
        answers = collect(product, corpus, questions, options)
    scored = [score(q, answers[q["id"]], corpus) for q in questions]
    figures = {name: summary(group) for name, group in groups(scored).items()}
    seconds = times([answers[q["id"]] for q in questions])
    write(
        options.out,
        "answers",
        {"figures": figures, "seconds": seconds, "questions": scored},
        markdown(figures, seconds),
    )


def collect(
    product: Product, corpus: Corpus, questions: Sequence[Row], options: argparse.Namespace
) -> dict[str, Row]:
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "answers.jsonl"
    answers = kept(path, options.fresh)
    with path.open("w" if options.fresh else "a", encoding="utf-8") as file:
        for number, question in enumerate(questions, 1):
            if question["id"] in answers:
                continue
            row = answers[question["id"]] = ask(product, corpus, question)
            if row["status"] == "failed":
                print(f"{number}/{len(questions)} {question['id']} failed: {row.get('error')}")
                continue  # not kept: the next run asks again
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{number}/{len(questions)} {question['id']} {row['status']} {row['total']} s")
    return answers


if __name__ == "__main__":
    main()
