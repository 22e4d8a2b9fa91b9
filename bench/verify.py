"""Does the check of an answer find what is wrong, and let stand what is right?

    python -m bench.verify --corpus FOLDER --questions FILE [--out DIR] [--show]

Gold answers, sentence by sentence, each beside eight passages as the product cuts them: those that
hold its evidence, and the nearest others of the same files. The same sentences with one number, date
or name changed; and as a control beside the passages of another question. No model, no running product.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.changes import Change, changes
from bench.corpus import read_questions
from bench.parse_corpus import read
from bench.report import table, write
from chat.cite import AnswerWriter, Asked, Basis
from chat.facts import facts
from chat.sentences import sentences
from evaluation import scores
from inference.language import detect_language
from ingest.terms import query_terms, terms

Row = dict[str, Any]
PASSAGES = 8
#: The kinds of the goal: one number, date or name. The others are told apart.
GOAL = ("number", "date", "time", "code", "name")


@dataclass(frozen=True, slots=True)
class Case:
    """A question, the sentences of its answer, and the passages beside it: evidence first."""

    question: Row
    told: tuple[str, ...]
    passages: tuple[Basis, ...]
    evidence: int

    @property
    def half(self) -> str:
        return "odd" if int(self.question["id"].rpartition("-")[2]) % 2 else "even"


def cases(folder: Path, questions: Iterable[Row]) -> list[Case]:
    """The answerable questions whose evidence is held by passages of `folder`."""

    @cache
    def passages_of(file: str) -> tuple[Basis, ...]:
        path = folder.parent / file
        drafts = read(path)[1] if path.is_file() else []
        return tuple(_basis(file, draft) for draft in drafts)

    found = (_case(question, passages_of) for question in questions if question["answerable"])
    return [case for case in found if case]


def _basis(file: str, draft: Any) -> Basis:
    context = f"{draft.context} {Path(file).name}"
    return Basis(draft.text, context, draft.page, detect_language(draft.text))


def _case(question: Row, passages_of: Callable[[str], tuple[Basis, ...]]) -> Case | None:
    every = [basis for file in sorted(scores.right_files(question)) for basis in passages_of(file)]
    evidence = list(
        dict.fromkeys(
            filter(None, (_holding(every, item["quote"]) for item in question["evidence"]))
        )
    )
    if not evidence:
        return None
    others = [basis for basis in _nearest(question, every) if basis not in evidence]
    kept = [_seen_from(question, basis) for basis in [*evidence, *others][:PASSAGES]]
    answer = question["answer"]
    told = tuple(answer[start:end] for start, end in sentences(answer))
    return Case(question, told, tuple(kept), len(evidence))


def _holding(every: Sequence[Basis], quote: str) -> Basis | None:
    exact = (basis for basis in every if scores.holds_exactly(basis.text, quote))
    return next(exact, None) or next((b for b in every if scores.holds(b.text, quote)), None)


def _nearest(question: Row, every: Sequence[Basis]) -> list[Basis]:
    wanted = set(query_terms(question["question"], "en")) | set(terms(question["answer"], "en"))
    held = {basis: len(wanted & set(terms(basis.text, "en"))) for basis in every}
    return sorted(held, key=lambda basis: -held[basis])


def _seen_from(question: Row, basis: Basis) -> Basis:
    foreign = bool(basis.language) and basis.language != question["language"]
    return Basis(basis.text, basis.context, basis.page, basis.language, foreign)


def marked(sentence: str, case: Case, beside: Case | None = None) -> bool:
    """Whether the product marks a sentence as not supported, with marks on all the evidence."""
    shown = beside or case
    asked = Asked(case.question["question"], case.question["language"])
    writer = AnswerWriter(shown.passages, asked)
    marks = "".join(f" [{n}]" for n in range(1, shown.evidence + 1))
    list(writer.feed(sentence + marks))
    list(writer.close())
    return all(found.support == "none" for found in writer.citations)


def measure(found: Sequence[Case]) -> list[Row]:
    """A row for each sentence: unchanged, each of its changes, beside another question's passages."""
    pool = sorted({name for case in found for told in case.told for name in _names(told, case)})
    rows = []
    for at, case in enumerate(found):
        other = found[(at + len(found) // 2) % len(found)]
        about = {
            "id": case.question["id"],
            "half": case.half,
            "language": case.question["language"],
        }
        for sentence in case.told:
            kinds = sorted(
                {fact.kind for fact in facts(sentence, about["language"]) if not fact.soft}
            )
            for kind in [str(kind) for kind in kinds] or ["no fact"]:
                rows.append({**about, "set": "unchanged", "kind": kind, **_row(sentence, case)})
            wrong = marked(sentence, case, other)
            control = {
                "set": "control",
                "kind": "facts" if kinds else "no fact",
                "text": sentence,
                "marked": wrong,
            }
            rows.append({**about, **control})
            rows += [
                {**about, "set": "changed", "kind": change.kind, **_row(change.text, case, change)}
                for change in changes(
                    sentence, about["language"], pool, f"{about['id']} {sentence}"
                )
            ]
    return rows


def _names(told: str, case: Case) -> list[str]:
    every = facts(told, case.question["language"])
    found = (told[fact.start : fact.end] for fact in every if fact.kind == "name")
    return [
        name
        for name in found
        if len(name) > 2
        and not (name.isupper() and len(name) > 6)
        and name[-1] != "s"
        and "-" not in name
    ]


def _row(sentence: str, case: Case, change: Change | None = None) -> Row:
    told = f"{change.was} -> {change.now}" if change else ""
    return {"text": sentence, "change": told, "marked": marked(sentence, case)}


def figures(rows: Sequence[Row]) -> list[Row]:
    """Shares of marked sentences by set and kind, odd and even questions and languages apart."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["kind"]), []).append(row)
        goal = row["set"] == "control" or row["kind"] in (*GOAL, "no fact")
        if goal:
            groups.setdefault((row["set"], "all"), []).append(row)
            groups.setdefault((row["set"], f"all {row['language']}"), []).append(row)
    return [
        {"set": of, "kind": kind, **_figure(each)} for (of, kind), each in sorted(groups.items())
    ]


def _figure(rows: Sequence[Row]) -> Mapping[str, Any]:
    distinct = {(row["id"], row["text"]): row for row in rows}.values()
    halves = {half: [row for row in distinct if row["half"] == half] for half in ("odd", "even")}
    return {"n": len(distinct), "marked": _share(distinct)} | {
        half: _share(each) for half, each in halves.items()
    }


def _share(rows: Iterable[Row]) -> float | None:
    count = Counter(row["marked"] for row in rows)
    return count[True] / count.total() if count else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of documents")
    parser.add_argument(
        "--questions", type=Path, required=True, help="a .jsonl of golden questions"
    )
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    parser.add_argument("--show", action="store_true", help="print each sentence judged wrongly")
    options = parser.parse_args()
    found = cases(options.corpus.resolve(), read_questions(options.questions))
    if not found:
        raise SystemExit("No question has its evidence in this corpus.")
    rows = measure(found)
    if options.show:
        show(rows)
    counted = figures(rows)
    lines = [list(row.values()) for row in counted]
    write(options.out, "verify", {"figures": counted, "rows": rows}, table(list(counted[0]), lines))


def show(rows: Sequence[Row]) -> None:
    for row in rows:
        if row["set"] != "control" and row["marked"] == (row["set"] == "unchanged"):
            print(row["set"], row["kind"], row["id"], row["text"], row["change"], sep=" | ")


if __name__ == "__main__":
    main()
