"""A golden question before it is kept: what it may hold, and what is wrong with it."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from audit.problems import Problem
from evaluation import patterns
from evaluation.models import Question
from evaluation.scores import fold

MOST_KEY = 100
MOST_ANSWER = 4_000
MOST_QUOTE = 4_000
MOST_FILE = 1_300
#: Quotes, files, patterns, turns of one question.
MOST_PARTS = 20
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
#: As str(UUID) has it.
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ROLES = ("user", "assistant")

#: A line of a cell each, where they stand in a table (evaluation/files.py).
_ON_ONE_LINE = ("also_in", "must_contain", "file")

Part = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a golden question: docs/measuring.md. `evidence`: [{file, page_or_section, quote}]."""

    key: str = ""
    type: str = Question.Type.FACT
    language: str = "en"
    question: str = ""
    history: Sequence[Part] = ()
    answer: str = ""
    answerable: bool = True
    evidence: Sequence[Part] = ()
    also_in: Sequence[str] = ()
    must_contain: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked and scored: not of which document a file was, which no file says."""
        told = {k: v for k, v in asdict(self).items() if k not in ("key", "answer")}
        evidence = [{k: v for k, v in part.items() if k != "document"} for part in self.evidence]
        return _sha256({**told, "evidence": evidence})

    @property
    def folded(self) -> str:
        """SHA-256 of the question's words, with those before it: case and white space do not count."""
        return _sha256([fold(self.question), [fold(turn["content"]) for turn in self.history]])


class Faulty(Problem):
    """A question that cannot be kept. `faults`: a sentence for each field that is wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        errors = [{"field": field, "message": text} for field, text in faults.items()]
        detail = " ".join(faults.values())
        super().__init__(422, "question-faulty", detail, extra={"errors": errors})
        self.faults = dict(faults)


def draft_of(question: Question) -> Draft:
    return Draft(**{name: getattr(question, name) for name in Draft.__dataclass_fields__})


def checked(draft: Draft, *, complete: bool = True) -> Draft:
    """Return it cleaned, with a key. Raises Faulty. `complete` False: it may still lack what is scored."""
    clean = _cleaned(draft)
    faults = {field: text for field, check in _CHECKS.items() if (text := check(clean))}
    if complete and not faults and (text := _incomplete(clean)):
        faults["evidence"] = text
    if faults:
        raise Faulty(faults)
    return clean if clean.key else replace(clean, key=f"q-{clean.folded[:12]}")


def _cleaned(draft: Draft) -> Draft:
    evidence = [
        {name: part.get(name, "").strip() for name in ("file", "page_or_section", "quote")}
        | ({"document": _id(part["document"])} if part.get("document", "").strip() else {})
        for part in draft.evidence
    ]
    turns = [
        {name: turn.get(name, "").strip() for name in ("role", "content")} for turn in draft.history
    ]
    return replace(
        draft,
        history=turns,
        key=draft.key.strip(),
        language=draft.language.strip() or "en",
        question=draft.question.strip(),
        answer=draft.answer.strip(),
        evidence=[part for part in evidence if part["file"] or part["quote"]],
        also_in=[file.strip() for file in draft.also_in if file.strip()],
        must_contain=[pattern for pattern in draft.must_contain if pattern.strip()],
    )


def _id(text: str) -> str:
    """As documents' ids are written here; what is none stays, to be told."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return text


def _key(draft: Draft) -> str:
    if len(draft.key) > MOST_KEY or not draft.key.isprintable():
        return _("key: at most %(most)d letters on one line.") % {"most": MOST_KEY}
    return ""


def _type(draft: Draft) -> str:
    if draft.type not in Question.Type.values:
        return _("type: choose one of %(types)s.") % {"types": ", ".join(Question.Type.values)}
    if (draft.type == Question.Type.UNANSWERABLE) == draft.answerable:
        return _(
            "type: `unanswerable` is for questions that are not answerable, and for these alone."
        )
    if draft.type == Question.Type.FOLLOW_UP and not draft.history:
        return _("history: a follow-up needs the turns before it.")
    return ""


def _language(draft: Draft) -> str:
    return (
        "" if LANGUAGE.fullmatch(draft.language) else _("language: write a code such as en or de.")
    )


def _question(draft: Draft) -> str:
    if not draft.question:
        return _("question: write one.")
    return _too_long("question", [draft.question], settings.MAX_QUESTION_CHARS)


def _history(draft: Draft) -> str:
    turns = [turn.get("content", "") for turn in draft.history]
    if any(turn.get("role") not in ROLES for turn in draft.history) or not all(turns):
        return _("history: each turn needs a role, user or assistant, and a text.")
    return _too_long("history", turns, settings.MAX_QUESTION_CHARS)


def _answer(draft: Draft) -> str:
    return _too_long("answer", [draft.answer], MOST_ANSWER)


def _evidence(draft: Draft) -> str:
    if not all(part["file"] for part in draft.evidence):
        return _("evidence: say in which file each quote stands.")
    documents = [part["document"] for part in draft.evidence if "document" in part]
    if not all(UUID_TEXT.fullmatch(text) for text in documents):
        return _("evidence: `document` is the id of a document. Correct it, or leave it out.")
    files = [part["file"] for part in draft.evidence]
    quotes = [part[name] for part in draft.evidence for name in ("quote", "page_or_section")]
    return _too_long("file", files, MOST_FILE) or _too_long("quote", quotes, MOST_QUOTE, each=2)


def _also_in(draft: Draft) -> str:
    return _too_long("also_in", draft.also_in, MOST_FILE)


def _must_contain(draft: Draft) -> str:
    if len(draft.must_contain) > MOST_PARTS:
        return _too_long("must_contain", draft.must_contain, patterns.MOST_CHARS)
    try:
        for pattern in draft.must_contain:
            patterns.check(pattern)
    except patterns.BadPattern as error:
        return _("must_contain: %(why)s") % {"why": _why(error.why)}
    return _too_long("must_contain", draft.must_contain, patterns.MOST_CHARS)


def _why(why: str) -> str:
    return {
        "long": _("a pattern is too long. Split it."),
        "repeats": _("a pattern repeats too often. Use smaller counts."),
        "group": _("of groups that begin with (? only (?: (?= (?! (?<= and (?<! are taken."),
    }.get(why) or _(
        "this is no regular expression. Write \\ before . ( ) [ ] { } + * ? that you mean."
    )


def _too_long(field: str, texts: Sequence[str], most: int, *, each: int = 1) -> str:
    if len(texts) > MOST_PARTS * each:
        return _("%(field)s: at most %(most)d.") % {"field": field, "most": MOST_PARTS}
    if any(len(text) > most for text in texts):
        return _("%(field)s: at most %(most)d letters.") % {"field": field, "most": most}
    if field in _ON_ONE_LINE and any("\n" in text or "\r" in text for text in texts):
        return _("%(field)s: write each on one line.") % {"field": field}
    if any(not _storable(text) for text in texts):
        return _("%(field)s: it holds characters that are none.") % {"field": field}
    return ""


def _storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and nothing encodes half a surrogate pair."""
    return "\x00" not in text and text.encode("utf-8", "replace").decode() == text


def _incomplete(draft: Draft) -> str:
    if not draft.answerable or draft.evidence or draft.must_contain:
        return ""
    return _("evidence: name a file, with the quote that answers it, or a pattern in must_contain.")


_CHECKS: dict[str, Callable[[Draft], str]] = {
    "key": _key,
    "type": _type,
    "language": _language,
    "question": _question,
    "history": _history,
    "answer": _answer,
    "evidence": _evidence,
    "also_in": _also_in,
    "must_contain": _must_contain,
}


def _sha256(value: Any) -> str:
    plain = json.dumps(value, sort_keys=True, ensure_ascii=True, default=list)
    return hashlib.sha256(plain.encode()).hexdigest()
