"""What is counted: the definitions behind every quality figure. Pure, no product code.

A question is a mapping with `evidence` ([{file, quote}]), `also_in` ([file]), `must_contain`
([regular expression]) and `answerable`; a passage is a `Found`: its text and its document's file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation import patterns

Question = Mapping[str, Any]

WORD = re.compile(r"\w+(?:[.,]\d+)*")
#: Share of a quote's distinct words that a passage must have to hold the quote.
SHARE = 0.7
MARK = re.compile(r"\[(\d{1,3})\]")

REFUSALS = re.compile(
    r"documents? (?:that you may read )?(?:do|does) not (?:say|state|contain|mention|answer|specify)"
    r"|not (?:in|found in|answered by|stated in) (?:the|your|these) (?:documents|passages|sources)"
    r"|(?:passages|sources) (?:do|does) not (?:say|state|contain|mention|answer|specify)"
    r"|dokumente? (?:sagen|sagt|enthalten|enthält|nennen|beantworten)[^.]{0,40}nicht"
    r"|documents? ne (?:le |l')?(?:di(?:t|sent)|contien(?:t|nent)|précisent?|répondent)[^.]{0,20} pas"
    r"|documentos? no (?:lo )?(?:dicen|dice|contienen|mencionan)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search returned. `file` is written like an evidence's `file`."""

    text: str
    file: str


def fold(text: str) -> str:
    """Case and white space do not count."""
    return " ".join(text.casefold().split())


def words(text: str) -> set[str]:
    return set(WORD.findall(text.casefold()))


def holds_exactly(passage: str, quote: str) -> bool:
    return fold(quote) in fold(passage)


def holds(passage: str, quote: str) -> bool:
    """The quote stands there, or at least 70% of its distinct words do."""
    if holds_exactly(passage, quote):
        return True
    wanted = words(quote)
    return bool(wanted) and len(wanted & words(passage)) >= SHARE * len(wanted)


def right_files(question: Question) -> set[str]:
    return {item["file"] for item in question["evidence"]} | set(question.get("also_in", ()))


def _quotes(question: Question) -> list[str]:
    return [item["quote"] for item in question["evidence"]]


def any_at(question: Question, found: Sequence[Found], k: int) -> bool:
    """One evidence quote is held by one of the first k passages."""
    return any(holds(passage.text, quote) for quote in _quotes(question) for passage in found[:k])


def all_at(question: Question, found: Sequence[Found], k: int) -> bool:
    """Every evidence quote is held by one of the first k passages, of whatever document."""
    return all(
        any(holds(passage.text, quote) for passage in found[:k]) for quote in _quotes(question)
    )


def exact_at(question: Question, found: Sequence[Found], k: int) -> bool:
    """Every evidence quote stands word for word in one of the first k passages."""
    return all(
        any(holds_exactly(passage.text, quote) for passage in found[:k])
        for quote in _quotes(question)
    )


def strict_at(question: Question, found: Sequence[Found], k: int) -> bool:
    """Every evidence quote is held by one of the first k passages that is of a right document."""
    right = right_files(question)
    return all_at(question, [passage for passage in found[:k] if passage.file in right], k)


def file_at(question: Question, found: Sequence[Found], k: int) -> bool:
    """One of the first k passages is of a right document."""
    right = right_files(question)
    return any(passage.file in right for passage in found[:k])


def correct(question: Question, answer: str) -> bool:
    """Every `must_contain` pattern is found; digits alone must stand as a whole number."""
    return all(patterns.found(_whole(each), answer) for each in question.get("must_contain", ()))


def _whole(pattern: str) -> str:
    if pattern.isdigit():
        return rf"(?<![\d.,]){pattern}(?![\d]|[.,]\d)"
    return pattern


def marks(answer: str) -> list[int]:
    """The numbers of the inline marks [n], in order, each once."""
    return list(dict.fromkeys(int(number) for number in MARK.findall(answer)))


def right(question: Question, answer: str, sources: Sequence[Found]) -> bool:
    """A marked source is a right document. `sources[0]` is [1]."""
    files = right_files(question)
    return any(0 < n <= len(sources) and sources[n - 1].file in files for n in marks(answer))


def dangling(answer: str, sources: Sequence[Found]) -> int:
    """How many marks point to nothing."""
    return sum(1 for n in marks(answer) if not 0 < n <= len(sources))


def refused(answer: str, *, status: str = "complete") -> bool:
    """The answer is empty, abstained, or says that the documents do not say."""
    return status == "abstained" or not answer.strip() or REFUSALS.search(answer) is not None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 100) // 100))
    return ordered[rank - 1]
