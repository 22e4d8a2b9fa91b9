"""Golden questions forget the words of an erased document; names of files and people's own words stay.

A quote goes from every question, whoever wrote it; what an answer said, from those that were made of
one. A newer version of the file keeps all of it.
"""

import json
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from evaluation.draft import draft_of
from evaluation.matching import Files, parts_of
from evaluation.models import Question, QuestionSet
from ingest.models import Document

NAMES = ("history", "answer", "evidence", "digest", "folded", "changed_at")


def forget_words(document: Document) -> int:
    """Call it before the document's row goes, in that transaction. Returns how many questions lost words."""
    if newer := _newer(document):
        for question in Question.objects.filter(documents=document.pk):
            question.documents.add(newer)
        return 0
    changed = 0
    questions = _that_may_quote(document)
    files = {pk: _files(document, pk) for pk in {question.set_id for question in questions}}
    made = set(Question.objects.filter(documents=document.pk).values_list("pk", flat=True))
    for question in questions:
        if question.pk in made:
            question.answer = ""
            question.history = [turn for turn in question.history if turn["role"] == "user"]
        question.evidence = _without(question, document, files[question.set_id])
        draft = draft_of(question)
        if question.pk in made or draft.digest != question.digest:
            question.digest, question.folded = draft.digest, draft.folded
            question.changed_at = timezone.now()
            question.save(update_fields=NAMES)
            changed += 1
    return changed


def _newer(document: Document) -> Document | None:
    same = {name: getattr(document, name) for name in ("collection_id", "path", "name")}
    newer = Document.objects.filter(**same, version__gt=document.version)
    return newer.exclude(status=Document.Status.ERASING).order_by("version").last()


def _that_may_quote(document: Document) -> list[Question]:
    """Those made from it; and of sets about its collection those with its id or name in their evidence.

    The database looks, in the text of the JSON: a collection goes document by document.
    """
    name = (parts_of(document.name) or (document.name,))[-1]
    texts = {
        str(document.pk),
        *(json.dumps(name, ensure_ascii=some)[1:-1] for some in (True, False)),
    }
    said = Q()
    for text in texts:
        said |= Q(said__contains=text)
    sets = QuestionSet.objects.filter(collections=document.collection_id).values("pk")
    made = Question.documents.through.objects.filter(document=document.pk).values("question")
    questions = Question.objects.annotate(said=Cast("evidence", TextField()))
    questions = questions.filter(Q(said, set__in=sets) | Q(pk__in=made))
    return list(questions.select_for_update(of=("self",)).order_by("pk"))


def _files(document: Document, set_id: UUID) -> Files:
    """What a file of that set may mean by its name: the document, and those of it that stay."""
    about = QuestionSet.collections.through.objects.filter(questionset=set_id).values("collection")
    alike = Document.objects.filter(name=document.name, collection__in=about)
    rows = set(alike.exclude(status=Document.Status.ERASING).values_list("id", "path", "name"))
    return Files(rows | {(document.pk, document.path, document.name)})


def _without(question: Question, document: Document, files: Files) -> list[dict[str, Any]]:
    """Its evidence without that document's words. A suggestion loses the whole part; of an accepted one
    the file stays, so that a run says what is missing."""
    kept = []
    for part in question.evidence:
        if not _means(part, document, files):
            kept.append(part)
        elif question.state == Question.State.ACCEPTED:
            kept.append({"file": part["file"], "page_or_section": "", "quote": ""})
    return kept


def _means(part: dict[str, str], document: Document, files: Files) -> bool:
    """Whether a quote is this document's, and no other's that is there."""
    named = part.get("document", "")
    if named == str(document.pk):
        return True
    return not files.has(named) and files.of(part["file"]) == [document.pk]
