"""What scores and settings of runs are called on pages; what has no name here is shown as it is."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluation.models import Question, Run

#: What stands before "@5": each counts within that many passages.
WITHIN: Mapping[str, Promise] = {
    "strict": gettext_lazy("All evidence, in the right document"),
    "all": gettext_lazy("All evidence"),
    "exact": gettext_lazy("All evidence, word for word"),
    "any": gettext_lazy("Some evidence"),
    "file": gettext_lazy("The right document"),
}
WHOLE: Mapping[str, Promise] = {
    "correct": gettext_lazy("Expected facts in the answer"),
    "in context": gettext_lazy("All evidence before the model"),
    "correct in context": gettext_lazy("Expected facts, where all evidence was before the model"),
    "marked": gettext_lazy("Marks its sources"),
    "right": gettext_lazy("Marks the right document"),
    "dangling": gettext_lazy("A mark points to nothing (fewer is better)"),
    "refused answerable": gettext_lazy("Refused, though answerable (fewer is better)"),
    "refused unanswerable": gettext_lazy("Refused rightly"),
}
CONFIG: Mapping[str, Promise] = {
    "version": gettext_lazy("Version"),
    "embedder": gettext_lazy("Embedder"),
    "chunking": gettext_lazy("Rules for passages"),
    "documents": gettext_lazy("Documents"),
    "passages": gettext_lazy("Passages"),
    "documents_sha256": gettext_lazy("Documents (SHA-256)"),
    "questions": gettext_lazy("Questions (SHA-256)"),
    "k": gettext_lazy("Passages asked for"),
    "mode": gettext_lazy("How to search"),
    "reranker": gettext_lazy("Reranker"),
    "rerank_depth": gettext_lazy("Passages that it reads"),
    "rerank_seconds": gettext_lazy("Seconds that it may take"),
    "model": gettext_lazy("Model"),
    "model_sha256": gettext_lazy("Model (SHA-256)"),
    "prompt_sha256": gettext_lazy("Prompt (SHA-256)"),
    "reading": gettext_lazy("Rules of what is read of passages"),
    "assistant": gettext_lazy("Assistant"),
    "assistant_version": gettext_lazy("Version of the assistant"),
    "answer_tokens": gettext_lazy("Tokens of an answer"),
    "passage_tokens": gettext_lazy("Tokens of a passage"),
    "context_tokens": gettext_lazy("Tokens of all passages"),
    "abstain_below": gettext_lazy("Abstains below"),
}
#: The score that stands for a run where there is room for one; the first that the run has.
MAIN: Mapping[str, tuple[str, ...]] = {
    Run.Kind.RETRIEVAL: ("strict@5", "strict@10", "file@5"),
    Run.Kind.ANSWERS: ("correct", "right"),
}
_AT = re.compile(r"(?P<score>[a-z-]+)@(?P<k>\d+)")


def score(name: str) -> str:
    """A score's name in words: "strict@5" is "All evidence, in the right document: first 5"."""
    found = _AT.fullmatch(name)
    if found and found["score"] in WITHIN:
        said = {"score": WITHIN[found["score"]], "k": found["k"]}
        return _("%(score)s: first %(k)s") % said
    return str(WHOLE.get(name, name))


def group(name: str) -> str:
    """A part of a run's questions: "type:fact", "language:de", "half:odd", "all"."""
    kind, _colon, value = name.partition(":")
    if kind == "type":
        return str(dict(Question.Type.choices).get(value, value))
    if kind == "half":
        return _("Odd numbers") if value == "odd" else _("Even numbers")
    if kind == "english":
        return _("English, without follow-ups")
    return value if value else _("All questions")


def setting(name: str) -> str:
    return str(CONFIG.get(name, name))


def value(name: str, found: Any) -> Any:
    """What a setting is, in words where it has any."""
    return dict(Run.Mode.choices).get(found, found) if name == "mode" else found


def main(kind: str, names: Collection[str]) -> str:
    """Of a run's scores the one that stands for it; "" where it has none yet."""
    wanted = (name for name in MAIN.get(kind, ()) if name in names)
    return next(wanted, next(iter(names), ""))


def short(name: str) -> str:
    """A score's name as a table's heading."""
    found = _AT.fullmatch(name)
    if found and found["score"] == "strict":
        return _("Found in %(k)s") % {"k": found["k"]}
    if found and found["score"] == "file":
        return _("Document in %(k)s") % {"k": found["k"]}
    told = {
        "correct": _("Facts"),
        "right": _("Right mark"),
        "in context": _("Evidence"),
        "refused unanswerable": _("Refused rightly"),
    }
    return told.get(name, name)
