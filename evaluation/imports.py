"""Golden questions from a file: all of it, or nothing and a sentence for each line that is wrong.

A question whose key is there already is changed; one without a key gets one from its words, so that
the same file twice changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from evaluation.access import get_set
from evaluation.draft import Draft, Faulty, checked
from evaluation.files import Row, Unreadable, csv_rows, jsonl_rows
from evaluation.held import require_free
from evaluation.models import Question, QuestionSet
from evaluation.questions import MOST_QUESTIONS, fields_of, locked, require_room

MOST_BYTES = 5_000_000
MOST_ROWS = MOST_QUESTIONS
#: Faults that are told; of the others, how many.
MOST_FAULTS = 50
READERS: dict[str, Callable[[bytes], Iterator[Row]]] = {"jsonl": jsonl_rows, "csv": csv_rows}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the question that begins on `line` (from 1)."""

    line: int
    text: str


class ImportRefused(Problem):
    """Nothing was kept. `faults` are the first ones, `more` says how many there are besides."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults, self.more = faults[:MOST_FAULTS], max(0, len(faults) - MOST_FAULTS)
        lines = [{"line": fault.line, "message": fault.text} for fault in self.faults]
        detail = _("Nothing was imported. Correct what is said about each line, import again.")
        extra = {"faults": lines, "more": self.more}
        super().__init__(422, "import-refused", detail, extra=extra)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many questions are new, changed, or as they were; and the fields that nobody knows."""

    created: int
    updated: int
    unchanged: int
    ignored: tuple[str, ...] = ()


def import_questions(user: User, question_set: QuestionSet, data: bytes, form: str) -> Imported:
    """Take the questions of a file, `form` "jsonl" or "csv", into a set.

    Raises Http404, Problem `import-too-large`, `too-many-questions`, `on-hold` where it would write over
    what is held, and ImportRefused.
    """
    get_set(user, question_set.pk)
    drafts, ignored = read(data, form)
    with transaction.atomic():
        found = locked(get_set(user, question_set.pk))
        imported = replace(_kept(user, found, drafts), ignored=ignored)
        counts = {"created": imported.created, "updated": imported.updated}
        target = ("question-set", found.pk)
        record(actions.QUESTIONS_IMPORTED, actor=user, target=target, data=counts)
    return imported


def read(data: bytes, form: str) -> tuple[list[tuple[int, Draft]], tuple[str, ...]]:
    """The questions of a file with the lines that they begin on, and the names of unknown fields.

    Raises Problem `import-too-large`, ImportRefused.
    """
    if len(data) > MOST_BYTES:
        detail = _("The file has more than %(most)d MB. Split it.")
        raise Problem(413, "import-too-large", detail % {"most": MOST_BYTES // 1_000_000})
    drafts: list[tuple[int, Draft]] = []
    faults: list[Fault] = []
    ignored: dict[str, None] = {}
    for row in _rows(data, form):
        ignored |= dict.fromkeys(row.ignored)
        try:
            drafts.append((row.line, checked(row.draft())))
        except Unreadable as error:
            faults.append(Fault(row.line, error.text))
        except Faulty as error:
            faults.append(Fault(row.line, " ".join(error.faults.values())))
    faults += _twice(drafts)
    if not drafts and not faults:
        faults = [Fault(1, _("There is no question in this file."))]
    if faults:
        raise ImportRefused(sorted(faults, key=lambda fault: fault.line))
    return drafts, tuple(ignored)[:20]


def _rows(data: bytes, form: str) -> Iterator[Row]:
    if form not in READERS:
        raise Problem(422, "invalid", _("form: choose jsonl or csv."))
    try:
        for count, row in enumerate(READERS[form](data)):
            if count >= MOST_ROWS:
                text = _("More than %(most)d questions. Split the file.") % {"most": MOST_ROWS}
                raise ImportRefused([Fault(row.line, text)])
            yield row
    except Unreadable as error:
        raise ImportRefused([Fault(error.line, error.text)]) from error


def _twice(drafts: list[tuple[int, Draft]]) -> list[Fault]:
    """Of two lines with the same key or the same words, the second is wrong."""
    faults = []
    keys: dict[str, int] = {}
    words: dict[str, int] = {}
    for line, draft in drafts:
        first = keys.setdefault(draft.key, line)
        twin = words.setdefault(draft.folded, line)
        if first != line:
            text = _("key: line %(line)d has the same. Each question needs its own.")
            faults.append(Fault(line, text % {"line": first}))
        elif twin != line:
            text = _("question: line %(line)d asks the same. Leave one of them out.")
            faults.append(Fault(line, text % {"line": twin}))
    return faults


def _kept(user: User, found: QuestionSet, drafts: list[tuple[int, Draft]]) -> Imported:
    there = {question.key: question for question in found.questions.all()}
    _refuse_twins(there, drafts)
    new, changed, waited = [], [], 0
    for _line, draft in drafts:
        old = there.get(draft.key)
        if old is None:
            new.append(Question(set=found, created_by=user, **fields_of(draft)))
        elif _differs(old, draft):
            waited += old.state == Question.State.SUGGESTED
            changed.append(_changed(old, draft))
    require_room(found, len(new) + waited)
    if changed:
        require_free({question.created_by_id for question in changed})
    Question.objects.bulk_create(new, batch_size=500)
    _rewrite(changed)
    return Imported(len(new), len(changed), len(drafts) - len(new) - len(changed))


def _refuse_twins(there: dict[str, Question], drafts: list[tuple[int, Draft]]) -> None:
    """Raises ImportRefused where the set asks the same under another key that the file leaves alone."""
    written = {draft.key for _line, draft in drafts}
    asked = {key: each for key, each in there.items() if each.state == Question.State.ACCEPTED}
    words = {question.folded: key for key, question in asked.items() if key not in written}
    text = _("question: the set has it already, with the key %(key)s. Use that key.")
    faults = [
        Fault(line, text % {"key": words[draft.folded]})
        for line, draft in drafts
        if draft.folded in words
    ]
    if faults:
        raise ImportRefused(faults)


def _differs(old: Question, draft: Draft) -> bool:
    same = old.digest == draft.digest and old.answer == draft.answer
    return not same or old.state != Question.State.ACCEPTED


def _changed(old: Question, draft: Draft) -> Question:
    values = {**fields_of(draft), "state": Question.State.ACCEPTED, "changed_at": timezone.now()}
    for name, value in values.items():
        setattr(old, name, value)
    return old


def _rewrite(changed: list[Question]) -> None:
    names = [*Draft.__dataclass_fields__, "digest", "folded", "state", "changed_at"]
    Question.objects.bulk_update(changed, [n for n in names if n != "key"], batch_size=100)
