"""Golden questions as files that evaluation/imports.py takes again."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from evaluation.files import ONCE, safe
from evaluation.models import Question


def as_jsonl(questions: Iterable[Question]) -> str:
    """A line each, as it is imported."""
    return "".join(json.dumps(_plainly(each), ensure_ascii=False) + "\n" for each in questions)


def _plainly(question: Question) -> dict[str, Any]:
    evidence = [
        {name: part.get(name, "") for name in ("file", "page_or_section", "quote")}
        for part in question.evidence
    ]
    texts = ("type", "language", "question", "answer", "answerable")
    row = {"id": question.key} | {name: getattr(question, name) for name in texts}
    row |= {"evidence": evidence, "must_contain": question.must_contain}
    return row | {
        name: value for name in ("history", "also_in") if (value := getattr(question, name))
    }


def as_csv(questions: Iterable[Question]) -> str:
    """A row each, with as many quotes and turns as the longest has; safe for spreadsheets, with a BOM."""
    questions = list(questions)
    quotes = max((len(each.evidence) for each in questions), default=0) or 1
    turns = max((len(each.history) for each in questions), default=0)
    head = [*ONCE, *["history"] * turns, *["file", "section", "quote"] * quotes]
    target = io.StringIO(newline="")
    writer = csv.writer(target, quoting=csv.QUOTE_ALL)
    writer.writerow([*head, "also_in", "must_contain"])
    for question in questions:
        writer.writerow([safe(cell) for cell in _cells(question, turns, quotes)])
    return "\ufeff" + target.getvalue()


def _cells(question: Question, turns: int, quotes: int) -> Iterator[str]:
    for name in ONCE:
        yield str(getattr(question, name))
    said = [f"{turn['role']}: {turn['content']}" for turn in question.history]
    yield from said + [""] * (turns - len(said))
    for part in question.evidence:
        yield from (part["file"], part.get("page_or_section", ""), part["quote"])
    yield from [""] * 3 * (quotes - len(question.evidence))
    yield "\n".join(question.also_in)
    yield "\n".join(question.must_contain)


Writer = Callable[[Iterable[Question]], str]
#: How each form is written, and its type of content.
FORMS: dict[str, tuple[Writer, str]] = {
    "jsonl": (as_jsonl, "application/x-ndjson; charset=utf-8"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}
