"""Does an answer say where documents disagree, and is it silent where they do not?

    python -m bench.conflicts --corpus FOLDER --questions FILE [--out DIR] [--show]

Gold answers, sentence by sentence, beside their evidence and the nearest passages of the whole corpus.
`planted`: the passage that a sentence rests on once more, in a newer version of its document or in another
document, with one fact changed that the sentence tells. `alarms`: the same answers beside nothing but the
passages as they are: each conflict is printed with --show, for somebody to judge. No model.
"""

import argparse
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from bench.changes import changes
from bench.corpus import read_questions
from bench.parse_corpus import read
from bench.report import table, write
from chat.cite import AnswerWriter, Asked, Basis
from chat.conflicts import Claim, Conflict, Spoken, conflicts
from chat.conflicts_lines import CELLS
from chat.facts import LABEL, Fact, facts, holding
from chat.sentences import sentences
from chat.versions import Edition
from evaluation import scores
from inference.language import detect_language
from ingest.terms import query_terms, terms

Row = dict[str, Any]
PASSAGES = 20
OLD, NEW = date(2024, 1, 10), date(2025, 1, 10)
_FILES = UUID("6f3b8dd8-5f0c-4b0c-8f0d-7d3f1f0a4c11")
#: How a second document may be called; `{}` is the first one's name without its ending.
SETTINGS = {"version": "{} v2", "stranger": "Zusammenstellung"}
#: What says which case is meant, and is no other answer to it: these are to be let be.
CASES = ("label", "year")


@dataclass(frozen=True, slots=True)
class Held:
    """A passage of the corpus with its terms."""

    file: str
    spoken: Spoken
    terms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    question: Row
    told: tuple[str, ...]
    passages: tuple[Spoken, ...]
    evidence: int

    @property
    def half(self) -> str:
        return "odd" if int(self.question["id"].rpartition("-")[2]) % 2 else "even"

    @property
    def asked(self) -> Asked:
        return Asked(self.question["question"], self.question["language"])


def corpus(folder: Path) -> list[Held]:
    """Every passage of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [held for path in files for held in _passages(path, folder.parent)]


def _passages(path: Path, root: Path) -> Iterator[Held]:
    file = str(path.relative_to(root))
    for draft in read(path)[1]:
        title = draft.context.partition(" > ")[0]
        edition = Edition(
            uuid5(_FILES, file), path.name, title, OLD, datetime(2025, 1, 1, tzinfo=UTC)
        )
        spoken = Spoken(
            draft.text, edition, " › ".join(draft.heading_path), detect_language(draft.text)
        )
        yield Held(file, spoken, frozenset(terms(f"{draft.context}\n{draft.text}", "en")))


def cases(every: Sequence[Held], questions: Iterable[Row]) -> list[Case]:
    """The answerable questions whose evidence is held, each with the nearest passages of all."""
    count = Counter(term for held in every for term in held.terms)
    rare = {term: math.log(len(every) / n) for term, n in count.items()}
    found = (_case(question, every, rare) for question in questions if question["answerable"])
    return [case for case in found if case]


def _case(question: Row, every: Sequence[Held], rare: dict[str, float]) -> Case | None:
    right = scores.right_files(question)
    own = [held for held in every if held.file in right]
    quotes = [item["quote"] for item in question["evidence"]]
    evidence = dict.fromkeys(held for quote in quotes if (held := _holding(own, quote)) is not None)
    if not evidence:
        return None
    wanted = set(query_terms(question["question"], "en")) | set(terms(question["answer"], "en"))
    near = sorted(every, key=lambda held: -sum(rare.get(each, 0) for each in wanted & held.terms))
    chosen = [*evidence, *(held for held in near[:PASSAGES] if held not in evidence)][:PASSAGES]
    answer = question["answer"]
    told = tuple(answer[start:end] for start, end in sentences(answer))
    return Case(question, told, tuple(held.spoken for held in chosen), len(evidence))


def _holding(own: Sequence[Held], quote: str) -> Held | None:
    exact = (held for held in own if scores.holds_exactly(held.spoken.text, quote))
    return next(exact, None) or next((h for h in own if scores.holds(h.spoken.text, quote)), None)


def claims(sentence: str, case: Case) -> list[Claim]:
    """The sentence with each passage that the product lets it rest on."""
    language = case.question["language"]
    bases = [
        Basis(
            each.text,
            each.context,
            None,
            each.language,
            bool(each.language) and each.language != language,
        )
        for each in case.passages
    ]
    writer = AnswerWriter(bases, case.asked)
    list(writer.feed(sentence + "".join(f" [{n}]" for n in range(1, case.evidence + 1))))
    list(writer.close())
    return [
        Claim(cited.sentence, sentence, cited.n - 1, cited.quote)
        for cited in writer.citations
        if cited.n and cited.support != "none"
    ]


def planted(case: Case) -> Iterator[Row]:
    """A row for each changed fact: was the changed copy seen, and known as the newer one?"""
    for sentence in case.told:
        for claim in claims(sentence, case):
            for kind, was, now, text in changed(sentence, claim, case):
                about = {"id": case.question["id"], "half": case.half, "kind": kind}
                about |= {"language": case.question["language"], "change": f"{was} -> {now}"}
                for setting, name in SETTINGS.items():
                    if setting == "stranger" and CELLS in text[slice(*claim.quote)]:
                        continue  # a row without its table says nothing
                    yield {**about, "setting": setting, **_seen(claim, case, text, name)}


def _kind(fact: Fact, now: str, language: str) -> str:
    if fact.unit.startswith(LABEL):
        return "label"
    years = [
        {key[0] for key in each.keys if isinstance(key, tuple)}
        for each in (fact, *facts(now, language))
    ]
    return "year" if fact.kind == "date" and years[0].isdisjoint(years[-1]) else fact.kind


def changed(sentence: str, claim: Claim, case: Case) -> Iterator[tuple[str, str, str, str]]:
    """Kind, was, now and the passage, with one fact of its quote changed that the sentence tells."""
    spoken = case.passages[claim.at]
    quote = spoken.text[slice(*claim.quote)]
    told = holding(sentence, "", case.question["language"], False)
    for fact in facts(quote, spoken.language):
        if not fact.soft and fact.kind in ("number", "date", "time") and told.has(fact):
            was, now = _other(quote, fact, spoken.language, case.question["id"])
            if now:
                start, end = claim.quote[0] + fact.start, claim.quote[0] + fact.end
                kind = _kind(fact, now, spoken.language)
                yield kind, was, now, spoken.text[:start] + now + spoken.text[end:]


def _other(quote: str, fact: Fact, language: str, seed: str) -> tuple[str, str]:
    was = quote[fact.start : fact.end]
    drawn = list(changes(was, language, (), f"{seed} {was}"))
    random.Random(seed).shuffle(drawn)  # noqa: S311 (no secret)
    return was, next((each.text for each in drawn if each.kind == fact.kind), "")


def _seen(claim: Claim, case: Case, text: str, name: str) -> Row:
    first = case.passages[claim.at]
    version = "{}" in name
    title = first.edition.title if version else name
    if not version:  # nothing but the statement
        left = len(first.text) - claim.quote[1]
        text = text[claim.quote[0] : len(text) - left]
    called = f"{name.format(first.edition.name.rpartition('.')[0])}.md"
    edition = Edition(
        uuid5(_FILES, called + text), called, title, NEW, datetime(2025, 6, 1, tzinfo=UTC)
    )
    heading = first.heading if version else ""
    copy = Spoken(text, edition, heading, first.language)
    found = conflicts([claim], [*case.passages, copy], case.asked)
    at = len(case.passages)
    right = [each for each in found if each.other == at]
    return {"seen": bool(right), "first": bool(right) and right[0].newer == at}


def alarms(case: Case) -> Iterator[Row]:
    """A row for each conflict among the passages as they are."""
    every = [claim for sentence in case.told for claim in claims(sentence, case)]
    for found in conflicts(every, case.passages, case.asked):
        yield {"id": case.question["id"], "half": case.half, **_told(found, case)}


def _told(found: Conflict, case: Case) -> Row:
    one, other = case.passages[found.at], case.passages[found.other]
    return {
        "question": case.question["question"],
        "says": one.text[slice(*found.quote)],
        "in": f"{one.edition.name} / {one.heading}",
        "but": other.text[slice(*found.other_quote)],
        "there": f"{other.edition.name} / {other.heading}",
        "newer": found.newer == found.other,
        "by": found.by,
    }


def figures(rows: Sequence[Row], false: Sequence[Row], many: dict[str, int]) -> list[Row]:
    """Shares by setting and kind, odd and even questions apart; then that of answers with a conflict."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for kind in (row["kind"], *(["all"] if row["kind"] not in CASES else [])):
            groups.setdefault((row["setting"], kind), []).append(row)
    counted = [
        {"set": setting, "kind": kind, "n": len(each), **_halves(each)}
        for (setting, kind), each in sorted(groups.items())
    ]
    answers = {half: len({row["id"] for row in false if row["half"] == half}) for half in many}
    shares = {half: answers[half] / many[half] for half in many}
    every = sum(answers.values()) / sum(many.values())
    return [
        *counted,
        {
            "set": "alarms",
            "kind": "answers",
            "n": sum(many.values()),
            "seen": every,
            **shares,
            "first": None,
        },
    ]


def _halves(rows: Sequence[Row]) -> Row:
    halves = {half: [row for row in rows if row["half"] == half] for half in ("odd", "even")}
    seen = [row for row in rows if row["seen"]]
    return {
        "seen": _share(rows, "seen"),
        **{half: _share(each, "seen") for half, each in halves.items()},
        "first": _share(seen, "first"),
    }


def _share(rows: Sequence[Row], key: str) -> float | None:
    return sum(row[key] for row in rows) / len(rows) if rows else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of documents")
    parser.add_argument(
        "--questions", type=Path, required=True, help="a .jsonl of golden questions"
    )
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    parser.add_argument("--show", action="store_true", help="print each alarm and each miss")
    options = parser.parse_args()
    found = cases(corpus(options.corpus.resolve()), read_questions(options.questions))
    if not found:
        raise SystemExit("No question has its evidence in this corpus.")
    rows = [row for case in found for row in planted(case)]
    false = [row for case in found for row in alarms(case)]
    if options.show:
        for row in [*(row for row in rows if not row["seen"]), *false]:
            print(row)
    many = {half: sum(case.half == half for case in found) for half in ("odd", "even")}
    counted = figures(rows, false, many)
    lines = [list(row.values()) for row in counted]
    told = {"figures": counted, "planted": rows, "alarms": false}
    write(options.out, "conflicts", told, table(list(counted[0]), lines))


if __name__ == "__main__":
    main()
