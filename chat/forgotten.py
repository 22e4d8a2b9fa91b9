"""Answers forget the words of an erased document: each sentence that rests on it or repeats it gives
way to one that says so. Whose conversation is under a legal hold keeps them, and the receipt says it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.dispatch import receiver
from django.utils import translation
from django.utils.translation import gettext as _

from chat.branches import before
from chat.condense import clip
from chat.models import Citation, Conflict, Conversation, Feedback, Message, Source
from chat.sentences import MARK, sentences
from inference.language import detect_language
from ingest import holds
from ingest.forgetting import Forgetting, forgetting, marked
from ingest.models import Chunk, Receipt

#: Words in a row that a sentence shares with a passage: fewer are how people speak. A shorter sentence is
#: looked for whole, if it has as many words as the second says.
RUN, LEAST = 6, 3
BATCH = 500
_UNFINISHED = (Message.Status.QUEUED, Message.Status.RUNNING)
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gone:
    """What must not be read in an answer: documents, by id; words; and of an answer that ends now its
    sources that are gone, with their passages, which the rows do not tell any more."""

    documents: frozenset[UUID]
    words: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    passages: tuple[str, ...] = ()


@receiver(marked, dispatch_uid="chat.forgotten.marked")
def forget_at_once(documents: Sequence[UUID], **_kwargs: Any) -> None:
    """From the moment that an erasure is accepted: finished answers lose the words, others stop."""
    for start in range(0, len(documents), BATCH):
        part = frozenset(documents[start : start + BATCH])
        resting = Message.objects.filter(pk__in=_resting_on(part))
        _stop(resting)
        _cut(resting, Gone(part))


@receiver(forgetting, dispatch_uid="chat.forgotten.forgetting")
def forget(about: Forgetting, **_kwargs: Any) -> None:
    """Before a document goes: what answers said meanwhile, and what of its words stays with people."""
    if not about.final:
        return
    words = tuple(window.decode() for window, kind in about.texts.items() if kind != "utf-16")
    gone = Gone(frozenset({about.document.pk}), words)
    resting = Q(pk__in=_resting_on(gone.documents))
    _stop(Message.objects.filter(resting))
    _cut(Message.objects.filter(resting | _holding("text", words)), gone)
    # They lost their source, whether they said its words or not.
    if count := _resting_on(gone.documents).distinct().count():
        about.removed["answers"] = count
    held = _keep_what_stays(about, words)
    if held:
        about.kept["answers"] = held


def _stop(messages: QuerySet[Message]) -> None:
    """Whoever writes one stops, and ends with its own text, cut. What a killed process left has no end."""
    unfinished = messages.filter(status__in=_UNFINISHED)
    unfinished.update(stop_requested=True)
    unfinished.filter(~holds.covering(user="conversation__user_id")).update(text="")


def _holding(field: str, words: Iterable[str]) -> Q:
    found = Q(pk__in=[])
    for word in words:
        found |= Q(**{f"{field}__contains": word})
    return found


def _resting_on(documents: frozenset[UUID]) -> QuerySet[Source, Any]:
    """The answers that rest on them, for a query."""
    return Source.objects.filter(document__in=documents).values("message")


def _keep_what_stays(about: Forgetting, words: Sequence[str]) -> int:
    """People's own words, and what a hold keeps, are no trace. Returns how many answers are held."""
    held = 0
    for role, text, condensed in Message.objects.filter(
        _holding("text", words) | _holding("condensed", words)
    ).values_list("role", "text", "condensed"):
        held += role == Message.Role.ASSISTANT
        about.stays(text)
        about.stays(condensed)
    for title in Conversation.objects.filter(_holding("title", words)).values_list("title"):
        about.stays(title[0])
    for comment in Feedback.objects.filter(_holding("comment", words)).values_list("comment"):
        about.stays(comment[0])
    return held


def cut_if_erased(message: Message, given: Sequence[tuple[Source, str]]) -> None:
    """An answer that ends now may rest on what was erased while it was written. Call it in the
    transaction of its end. `given`: its sources as they were, each with its passage."""
    rested = {UUID(str(source.document_id)) for source, _ in given}
    final = Receipt.objects.filter(document_id__in=rested)
    final = final.exclude(reason=Receipt.Reason.REPLACED)
    gone = frozenset(final.values_list("document_id", flat=True))
    if not gone:
        return
    lost = [(source.pk, text) for source, text in given if UUID(str(source.document_id)) in gone]
    keys, passages = tuple(pk for pk, _ in lost), tuple(text for _, text in lost)
    _cut(Message.objects.filter(pk=message.pk), Gone(gone, (), keys, passages))


def erased(documents: Iterable[UUID]) -> bool:
    """Whether one of these was erased for good; what a newer version replaced may still be quoted."""
    final = Receipt.objects.filter(document_id__in=set(documents))
    return final.exclude(reason=Receipt.Reason.REPLACED).exists()


# --- cutting ------------------------------------------------------------------------------------


def _cut(messages: QuerySet[Message], gone: Gone) -> int:
    """Take the sentences out of finished answers that no hold keeps. Returns of how many."""
    free = ~holds.covering(user="conversation__user_id")
    finished = messages.filter(free, role=Message.Role.ASSISTANT).exclude(status__in=_UNFINISHED)
    keys = list(finished.order_by("pk").values_list("pk", flat=True))
    return sum(_cut_one(pk, gone) for pk in keys)


@transaction.atomic
def _cut_one(pk: UUID, gone: Gone) -> bool:
    message = Message.objects.select_for_update().filter(pk=pk).first()
    if message is None or not message.text:
        return False
    sources = list(message.sources.filter(document__in=gone.documents))
    keys = [*gone.sources, *(source.pk for source in sources)]
    spans = _spans(message, keys, [*gone.passages, *_passages(sources)], gone.words)
    if not spans:
        return False
    text, moved = _without(message.text, spans)
    _cut_in_questions(message, clip(message.text), clip(text))
    _move(message.citations.all(), spans, moved)
    _move(message.conflicts.all(), spans, moved)
    message.text = text
    message.save(update_fields=["text"])
    return True


def _cut_in_questions(message: Message, said: str, left: str) -> None:
    """A follow-up is searched for, and shown, behind the answer that it leans on: chat/condense.py."""
    leaning = Message.objects.select_for_update().filter(
        conversation=message.conversation_id, condensed__contains=f"{said}\n"
    )
    for row in leaning:
        *earlier, question = row.condensed.split("\n")
        lines = [left if line == said else line for line in earlier]
        row.condensed = "\n".join([*lines, question])
        row.save(update_fields=["condensed"])


def forget_what_nobody_says(message: Message) -> None:
    """A question that ends now may have been joined with words that were taken out of the answer before
    it meanwhile. Call it in the transaction of its end."""
    joined = Message.objects.values_list("condensed", flat=True).get(pk=message.pk)
    if not joined:
        return
    turns = before(message)
    question = f"\n{turns[-1].text}" if turns else ""
    if not question or not joined.endswith(question):
        return
    said = {clip(turn.text) for turn in turns}
    earlier = joined.removesuffix(question).split("\n")
    lines = [line if line in said else _ours(line) for line in earlier]
    if lines != earlier:
        Message.objects.filter(pk=message.pk).update(condensed="\n".join(lines) + question)


def _passages(sources: Sequence[Source]) -> list[str]:
    chunks = Chunk.objects.filter(pk__in=[source.chunk_id for source in sources])
    return list(chunks.values_list("text", flat=True))


def _spans(
    message: Message, sources: Sequence[int], passages: Sequence[str], words: Sequence[str]
) -> list[Span]:
    """What to take out, in order, whole sentences that do not touch each other."""
    resting = Citation.objects.filter(message=message, source__in=sources)
    differing = Conflict.objects.filter(
        Q(source__in=sources) | Q(other__in=sources), message=message
    )
    found = {
        *resting.values_list("sentence_start", "sentence_end"),
        *differing.values_list("sentence_start", "sentence_end"),
    }
    said = _Said(passages)
    # An answer that was cut off has marks alone.
    its = message.sources.filter(pk__in=sources).values_list("n", flat=True)
    marked_as = set() if message.citations.exists() else {str(n) for n in its}
    # A piece may begin in one sentence and end in the next.
    places = [
        match.span() for word in words for match in re.finditer(re.escape(word), message.text)
    ]
    for start, end in sentences(message.text):
        repeats = any(at < end and start < to for at, to in places)
        sentence = message.text[start:end]
        if repeats or marked_as & _marks(sentence) or said.has(sentence):
            found.add((start, end))
    return _joined(sorted(found), message.text)


def _marks(sentence: str) -> set[str]:
    return {n for mark in MARK.finditer(sentence) for n in re.findall(r"\d+", mark.group(1))}


class _Said:
    """What passages say, in runs of words."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = [_words(passage) for passage in passages]
        self._runs: dict[int, set[tuple[str, ...]]] = {}

    def has(self, sentence: str) -> bool:
        """Whether it repeats RUN words in a row, or is a shorter one that stands there whole."""
        words = _words(sentence)
        size = min(RUN, len(words))
        if size < LEAST:
            return False
        if size not in self._runs:
            self._runs[size] = {run for passage in self._passages for run in _runs(passage, size)}
        return not self._runs[size].isdisjoint(_runs(words, size))


def _words(text: str) -> list[str]:
    plain = (word.strip(".,;:!?()[]\"'«»“”*_") for word in MARK.sub(" ", text).casefold().split())
    return [word for word in plain if word]


def _runs(words: Sequence[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    joined: list[Span] = []
    for start, end in spans:
        if joined and (start <= joined[-1][1] or not text[joined[-1][1] : start].strip()):
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _without(text: str, spans: Sequence[Span]) -> tuple[str, list[int]]:
    """The text with a sentence of ours in the place of each span, and by how much what follows moves."""
    ours = _ours(text)
    parts, moved, at = [], [], 0
    for start, end in spans:
        parts += [text[at:start], ours]
        moved.append(len(ours) - (end - start))
        at = end
    return "".join([*parts, text[at:]]), moved


def _ours(text: str) -> str:
    with translation.override(detect_language(text[:2_000]) or None):
        return "[" + _("This document was erased.") + "]"


def _move(rows: QuerySet[Any], spans: Sequence[Span], moved: Sequence[int]) -> None:
    """Citations and conflicts of what is gone go; those behind it point to where their sentence is."""
    for row in rows:
        if any(row.sentence_start < end and start < row.sentence_end for start, end in spans):
            row.delete()
            continue
        by = sum(
            shift
            for (_start, end), shift in zip(spans, moved, strict=True)
            if end <= row.sentence_start
        )
        if by:
            row.sentence_start += by
            row.sentence_end += by
            row.save(update_fields=["sentence_start", "sentence_end"])
