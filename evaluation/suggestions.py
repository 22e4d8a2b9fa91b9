"""A golden question from a real one: the answer's verified quotes become its evidence.

An administrator keeps a question of her own at once; anybody else suggests one of theirs, which
administrators then read. Nobody's question is taken but by the person who asked it.
"""

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from chat import branches
from chat.access import get_answer
from chat.condense import leans_on_history
from chat.models import Citation, Message
from chat.replay import readable_chunks
from evaluation.access import get_set, sets_for
from evaluation.draft import MOST_ANSWER, MOST_PARTS, MOST_QUOTE, Draft, checked
from evaluation.models import Question, QuestionSet
from evaluation.questions import MOST_QUESTIONS, fields_of, locked, refuse_twice, require_room
from evaluation.scores import MARK
from inference.language import detect_language
from ingest.access import collections_for
from ingest.models import Chunk, Document
from ingest.places import place

#: Of one person, not accepted yet.
MOST_SUGGESTIONS = 50


@transaction.atomic
def golden_from_answer(
    user: User, message: Message, question_set: QuestionSet | None = None
) -> Question:
    """Keep the question of an administrator's own answer, accepted, in `question_set` or the first set
    that covers what it cites. Where nothing was found it becomes one that is not answerable.

    Raises PermissionDenied, Http404, Faulty, Problem `no-question-set`, `question-there`.
    """
    if not (user.is_active and user.is_admin):
        raise PermissionDenied
    message = get_answer(user, message.pk)
    covering = sets_covering(user, message)
    chosen = get_set(user, question_set.pk) if question_set else next(iter(covering), None)
    if chosen is None or chosen not in covering:
        raise no_set()
    draft, documents = _draft(user, message, chosen)
    return _kept(user, locked(chosen), checked(draft), documents, Question.State.ACCEPTED)


@transaction.atomic
def suggest(user: User, message: Message) -> Question:
    """Suggest the question of one's own answer: administrators will read it, with its quotes.

    Raises Http404, Problem `no-question-set`, `question-there`, `too-many-suggestions`.
    """
    message = get_answer(user, message.pk)
    mine = Question.objects.filter(created_by=user, state=Question.State.SUGGESTED)
    if mine.count() >= MOST_SUGGESTIONS:
        detail = _("Many of your suggestions wait to be read. Suggest this one later.")
        raise Problem(409, "too-many-suggestions", detail)
    chosen = _covering(user, QuestionSet.objects.all(), message).first()
    if chosen is None:
        raise no_set()
    draft, documents = _draft(user, message, chosen)
    draft = checked(draft, complete=False)
    if mine.filter(folded=draft.folded).exists():
        raise Problem(
            409, "question-there", _("You have suggested this question already. Thank you.")
        )
    return _kept(user, locked(chosen), draft, documents, Question.State.SUGGESTED)


def sets_covering(user: User, message: Message) -> list[QuestionSet]:
    """The sets of an administrator that are about all that an answer of hers cites."""
    message = get_answer(user, message.pk)
    return list(_covering(user, sets_for(user), message))


def _kept(
    user: User, found: QuestionSet, draft: Draft, documents: list[Document], state: str
) -> Question:
    """The key of a suggestion says nothing, so that nobody learns what others asked."""
    values = fields_of(draft)
    if state == Question.State.ACCEPTED:
        refuse_twice(found, draft)
    question = Question(set=found, created_by=user, state=state, **values)
    if state == Question.State.SUGGESTED:
        question.key = f"s-{question.pk.hex}"
        _require_patience(found)
    else:
        require_room(found)
    question.save()
    question.documents.set(documents)
    suggested = state == Question.State.SUGGESTED
    action = actions.QUESTION_SUGGESTED if suggested else actions.QUESTION_CREATED
    data = {"set": str(found.pk), "state": state, "digest": question.digest}
    record(action, actor=user, target=("question", question.pk), data=data)
    return question


def _require_patience(found: QuestionSet) -> None:
    """Raises Problem `too-many-suggestions`."""
    if found.questions.filter(state=Question.State.SUGGESTED).count() >= MOST_QUESTIONS:
        detail = _("Many suggestions wait to be read. Suggest this one later.")
        raise Problem(409, "too-many-suggestions", detail)


def _covering(user: User, sets: QuerySet[QuestionSet], message: Message) -> QuerySet[QuestionSet]:
    """Of `sets` those about all that an answer rests on; the older set first. None where the person
    may not read all of that any more."""
    needed = _collections_of(user, message)
    if needed is None:
        return sets.none()
    links = QuestionSet.collections.through.objects.filter(questionset=OuterRef("pk"))
    sets = sets.filter(Exists(links.filter(collection__in=collections_for(user))))
    for pk in needed:
        sets = sets.filter(Exists(links.filter(collection=pk)))
    return sets.order_by("created_at", "id")


def _collections_of(user: User, message: Message) -> set[UUID] | None:
    """Of what was cited; else of what was shown; else those that were asked. None: some of it is gone,
    or not `user`'s to read."""
    chunks = readable_chunks(user, [message])
    cited = {citation.source.chunk_id for citation in _citations(message) if citation.source}
    rests = cited or {source.chunk_id for source in message.sources.all()}
    if not rests <= chunks.keys():
        return None
    if rests:
        return {chunk.document.collection_id for pk, chunk in chunks.items() if pk in rests}
    return set(message.conversation.collections.values_list("pk", flat=True))


def _citations(message: Message) -> list[Citation]:
    verified = message.citations.filter(support=Citation.Support.VERIFIED)
    return list(verified.select_related("source"))


def _draft(user: User, message: Message, found: QuestionSet) -> tuple[Draft, list[Document]]:
    """With the documents that its text comes from: of the set's collections and open to `user`, both
    now. Other text is left out. Raises Problem `answer-unfinished`."""
    if message.finished_at is None:
        raise Problem(409, "answer-unfinished", _("Wait until the answer is written."))
    *before, asked = branches.before(message)
    prefetch_related_objects(before, "sources")
    before = before if leans_on_history(asked.text) else []
    chunks, documents = _open(user, found, [*before, message])
    turns, whole = _turns(before, chunks)
    abstained = message.status == Message.Status.ABSTAINED
    shown = whole and not abstained and _rests_on(message, chunks)
    draft = Draft(
        type=_type(abstained, bool(turns)),
        language=detect_language(asked.text) or "en",
        question=asked.text,
        history=turns,
        answer=_plain(message.text)[:MOST_ANSWER] if shown else "",
        answerable=not abstained,
        evidence=[] if abstained else _evidence(message, chunks),
    )
    return draft, documents


def _open(
    user: User, found: QuestionSet, messages: list[Message]
) -> tuple[dict[UUID, Chunk], list[Document]]:
    """What `messages` rest on as far as `user` may read it and the set is about it, held still."""
    chunks = readable_chunks(user, messages)
    inside = set(found.collections.values_list("pk", flat=True))
    wanted = {c.document_id for c in chunks.values() if c.document.collection_id in inside}
    there = Document.objects.filter(pk__in=wanted).exclude(status=Document.Status.ERASING)
    documents = list(there.select_for_update(of=("self",)).order_by("id"))
    held = {document.pk for document in documents}
    return {pk: chunk for pk, chunk in chunks.items() if chunk.document_id in held}, documents


def _turns(before: list[Message], chunks: dict[UUID, Chunk]) -> tuple[list[dict[str, str]], bool]:
    """The person's own turns, and answers up to the first that rests on more than `chunks`: those after
    it may repeat it. Whether all answers are whole."""
    whole = True
    turns = []
    for turn in before:
        own = turn.role == Message.Role.USER
        whole = whole and (own or _rests_on(turn, chunks))
        if turn.text and (own or whole):
            content = _plain(turn.text)[: settings.MAX_QUESTION_CHARS]
            turns.append({"role": str(turn.role), "content": content})
    return turns[-MOST_PARTS:], whole


def _rests_on(answer: Message, chunks: dict[UUID, Chunk]) -> bool:
    """Whether all that the model was given for an answer is among `chunks`, cited or not."""
    return all(source.chunk_id in chunks for source in answer.sources.all())


def _type(abstained: bool, follows: bool) -> str:
    if abstained:
        return Question.Type.UNANSWERABLE
    return Question.Type.FOLLOW_UP if follows else Question.Type.FACT


def _evidence(message: Message, chunks: dict[UUID, Chunk]) -> list[dict[str, Any]]:
    """Each verified quote of `chunks` once, with the file and the place that it stands in."""
    quotes: dict[str, dict[str, Any]] = {}
    for citation in _citations(message):
        key = citation.source.chunk_id if citation.source else None
        chunk = chunks.get(key) if key else None
        if chunk is not None:
            quote = _quote(chunk, citation)
            quotes.setdefault(f"{chunk.document_id} {quote['quote']}", quote)
    return list(quotes.values())[:MOST_PARTS]


def _quote(chunk: Chunk, citation: Citation) -> dict[str, Any]:
    document = chunk.document
    heading = " › ".join(chunk.heading_path) or place(document, chunk.page)
    return {
        "file": "/".join(part for part in (document.path, document.name) if part),
        "document": str(document.pk),
        "page_or_section": heading[:1_000],
        "quote": chunk.text[citation.quote_start : citation.quote_end][:MOST_QUOTE],
    }


def _plain(text: str) -> str:
    """An answer without its marks: their numbers mean nothing elsewhere."""
    return re.sub(rf"\s*{MARK.pattern}", "", text).strip()


def no_set() -> Problem:
    """That no set, or not the chosen one, is about all that an answer cites."""
    detail = _("No set of golden questions is about all of these documents.")
    return Problem(409, "no-question-set", detail)
