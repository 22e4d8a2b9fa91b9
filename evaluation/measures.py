"""What a question's result counts, and what many results come to. Pure.

A score that does not apply to a question is left out of it, so each has its own `n`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation import scores
from evaluation.intervals import wilson
from evaluation.scores import Found, percentile

#: Passages that a run asks for.
K = 10
Question = scores.Question
Scores = dict[str, bool]
Group = dict[str, Any]
Score = Callable[[Question, Sequence[Found]], bool]

#: Names end with the number of passages that count.
RETRIEVAL: Mapping[str, Score] = {
    "any@5": lambda q, f: scores.any_at(q, f, 5),
    "all@5": lambda q, f: scores.all_at(q, f, 5),
    "all@10": lambda q, f: scores.all_at(q, f, 10),
    "exact@5": lambda q, f: scores.exact_at(q, f, 5),
    "strict@3": lambda q, f: scores.strict_at(q, f, 3),
    "strict@5": lambda q, f: scores.strict_at(q, f, 5),
    "strict@10": lambda q, f: scores.strict_at(q, f, 10),
    "file@5": lambda q, f: scores.file_at(q, f, 5),
}
ANSWERS = (
    "correct", "in context", "correct in context", "marked", "right", "dangling",
    "refused answerable", "refused unanswerable",
)  # fmt: skip
#: Of these, fewer is better.
FAULTS = frozenset({"dangling", "refused answerable"})


@dataclass(frozen=True, slots=True)
class Row:
    """One result, as it is counted. `status` as Result.Status."""

    key: str
    type: str
    language: str
    status: str
    scores: Mapping[str, bool]
    ms: int | None = None


def retrieval_scores(question: Question, found: Sequence[Found]) -> Scores:
    """A question that names a document and no words of it is scored by its file alone."""
    names = [name for name in RETRIEVAL if _quoted(question) or name.startswith("file")]
    return {name: RETRIEVAL[name](question, found) for name in names}


def answer_scores(question: Question, text: str, sources: Sequence[Found], status: str) -> Scores:
    """`sources[0]` is [1]; `status` as the answer flow has it. An answer that failed is not correct."""
    refused = status != "failed" and scores.refused(text, status=status)
    counted: Scores = {"dangling": scores.dangling(text, sources) > 0} if text else {}
    if not question["answerable"]:
        return counted | ({} if status == "failed" else {"refused unanswerable": refused})
    counted["refused answerable"] = refused
    if _quoted(question):
        counted["in context"] = scores.all_at(question, sources, len(sources))
    if question.get("must_contain"):
        told = status != "failed" and not refused
        counted["correct"] = told and scores.correct(question, text)
        if counted.get("in context"):
            counted["correct in context"] = counted["correct"]
    if text and not refused:
        counted |= _pointing(question, text, sources)
    return counted


def _pointing(question: Question, text: str, sources: Sequence[Found]) -> Scores:
    marked = bool(scores.marks(text))
    if marked and question["evidence"]:
        return {"marked": True, "right": scores.right(question, text, sources)}
    return {"marked": marked}


def _quoted(question: Question) -> bool:
    return bool(question["evidence"]) and all(part["quote"] for part in question["evidence"])


def summary(rows: Iterable[Row]) -> dict[str, Group]:
    """Each group with its shares, their 95% intervals, and times. Small groups say little."""
    everything = list(rows)
    groups = {name: group for name, group in _groups(everything).items() if group}
    return {name: _counted(group) for name, group in groups.items()} or {"all": _counted([])}


def half(key: str) -> str:
    """By its number, "odd" or "even"; a key without one by its hash. Stays what it is."""
    number = re.search(r"([0-9]+)\D*$", key)
    last = int(number[1][-1]) if number else hashlib.sha256(key.encode()).digest()[0]
    return "odd" if last % 2 else "even"


def _groups(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    found: dict[str, Sequence[Row]] = {"all": rows}
    english = [row for row in rows if row.language == "en" and row.type in PLAIN]
    if 0 < len(english) < len(rows):
        found["english"] = english
    for name, of in (
        ("type", lambda row: row.type),
        ("language", lambda row: row.language),
        ("half", lambda row: half(row.key)),
    ):
        for value in sorted({of(row) for row in rows}):
            found[f"{name}:{value}"] = [row for row in rows if of(row) == value]
    return found


#: English questions of these types are the group "english": what others report, too.
PLAIN = ("fact", "table", "multi-hop")


def _counted(rows: Sequence[Row]) -> Group:
    names = [*RETRIEVAL, *ANSWERS]
    held = {name: [row.scores[name] for row in rows if name in row.scores] for name in names}
    times = [row.ms for row in rows if row.ms is not None]
    return {
        "n": len(rows),
        "scores": {name: _share(values) for name, values in held.items() if values},
        "ms": {"p50": percentile(times, 0.5), "p95": percentile(times, 0.95)},
        "failed": sum(row.status == "failed" for row in rows),
        "unscored": sum(row.status == "unscored" for row in rows),
        "no-document": sum(row.status == "no-document" for row in rows),
    }


def _share(values: Sequence[bool]) -> dict[str, float | int]:
    hits, n = sum(values), len(values)
    low, high = wilson(hits, n)
    return {"share": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4), "n": n}
