"""What one reader may see of shared conversations, asked anew each time.

An answer is shown whole or not at all: with all of its sources open to the reader, or without a word
of it or of its question. Nor is one shown that leans on an earlier one that is not, since it was
written from that. Where a source was erased nobody can tell any more who could have read it, so its
answer is closed as well. The conversation's own title is the owner's, often her first question;
readers see the first question that is open to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import record
from chat import branches
from chat.access import conversations_for
from chat.models import Message, Share
from chat.reads import MOST_CHUNKS, VISIT
from chat.replay import readable_chunks
from chat.share_access import shared_with
from chat.witness import distinct
from ingest.access import documents_for
from ingest.models import Chunk

TITLE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Pair:
    question: Message
    answer: Message


@dataclass(frozen=True, slots=True)
class Reading:
    """What `share` shows to one reader. `closed`, `erased`: how many answers it does not, and why."""

    share: Share
    pairs: tuple[Pair, ...]
    chunks: Mapping[UUID, Chunk]
    closed: int = 0
    erased: int = 0

    @property
    def title(self) -> str:
        """The first question that is shown, or nothing."""
        line = " ".join(self.pairs[0].question.text.split()) if self.pairs else ""
        return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"

    @property
    def answers(self) -> list[Message]:
        return [pair.answer for pair in self.pairs]


def read_shared(user: User, shares: Sequence[Share]) -> list[Reading]:
    """What `user` may see of each, by as many queries as one takes. Recording is the caller's.

    Their owner is a reader like others there: she sees what they would with her rights.
    """
    branched = pairs_of(shares)
    answers = [pair.answer for share in shares for pair in branched[share.pk]]
    chunks = readable_chunks(user, answers)
    sources = [source for answer in answers for source in answer.sources.all()]
    wanted = {source.document_id for source in sources if source.document_id}
    documents = set(documents_for(user).filter(pk__in=wanted).values_list("pk", flat=True))
    return [_read(share, branched[share.pk], chunks, documents) for share in shares]


def pairs_of(shares: Iterable[Share]) -> dict[UUID, list[Pair]]:
    """The questions and answers of each share's branch, sources loaded, in three queries."""
    shares = list(shares)
    places = _places({share.conversation_id for share in shares})
    turns = {share.pk: _turns(places[share.conversation_id], share.ordinal) for share in shares}
    ordinals = {at for pairs in turns.values() for pair in pairs for at in pair}
    rows = Message.objects.filter(conversation__in=places, ordinal__in=ordinals)
    found = {
        (row.conversation_id, row.ordinal): row
        for row in rows.select_related("conversation__user").prefetch_related("sources")
    }
    return {
        share.pk: [
            Pair(found[asked], found[answered])
            for asked, answered in (
                ((share.conversation_id, one), (share.conversation_id, other))
                for one, other in turns[share.pk]
            )
            # Erased between the two queries.
            if asked in found and answered in found
        ]
        for share in shares
    }


def get_open_answer(user: User, pk: UUID | str) -> tuple[Message, Share | None]:
    """An answer that `user` may look at: her own, or one that a share (which is returned) shows her.

    Raises Http404.
    """
    message = Message.objects.filter(pk=pk, role=Message.Role.ASSISTANT)
    own = message.filter(conversation__in=conversations_for(user)).select_related("conversation")
    if mine := own.first():
        return mine, None
    shares = list(shared_with(user).filter(conversation__in=message.values("conversation")))
    for reading in read_shared(user, shares):
        for answer in reading.answers:
            if answer.pk == pk:
                return answer, reading.share
    raise Http404


def record_opened(user: User, reading: Reading) -> None:
    """Record that a reader opened a share, once a visit, or where more documents are shown to her."""
    sources = [source for answer in reading.answers for source in answer.sources.all()]
    shown = [source for source in sources if source.chunk_id in reading.chunks]
    documents = distinct(source.document_id for source in shown)
    earlier = Entry.objects.filter(
        actor=str(user.pk),
        action=actions.SHARE_OPENED,
        target_id=str(reading.share.pk),
        at__gt=timezone.now() - VISIT,
    ).values_list("data", flat=True)
    known = {pk for data in earlier for pk in data["documents"]}
    if earlier and not set(documents) - known:
        return
    chunks = distinct(source.chunk_id for source in shown)
    record(
        actions.SHARE_OPENED,
        actor=user,
        target=("share", reading.share.pk),
        data={
            "conversation": str(reading.share.conversation_id),
            "answers": len(reading.pairs),
            "withheld": reading.closed,
            "erased": reading.erased,
            "documents": documents,
            "chunks": chunks[:MOST_CHUNKS],
            "chunk_count": len(chunks),
        },
    )


def _places(conversations: Iterable[UUID]) -> dict[UUID, dict[int, int]]:
    """As branches.parents_of, for several."""
    places: dict[UUID, dict[int, int]] = {pk: {} for pk in conversations}
    questions = Message.objects.filter(conversation__in=places, role=Message.Role.USER)
    for pk, at, after in questions.values_list("conversation_id", "ordinal", "after"):
        places[pk][at] = at - 1 if after is None else after
    return places


def _turns(parents: Mapping[int, int], last: int) -> list[tuple[int, int]]:
    if last - 1 not in parents:
        return []
    return [(turn.question, turn.answer) for turn in branches.branch(parents, last)]


def _read(
    share: Share, pairs: Sequence[Pair], chunks: Mapping[UUID, Chunk], documents: set[UUID]
) -> Reading:
    shown: list[Pair] = []
    counts = {"closed": 0, "erased": 0}
    for pair in pairs:
        why = _withheld(pair.answer, chunks, documents)
        if not why and any(counts.values()) and leans(pair.answer):
            why = "closed"
        if why:
            counts[why] += 1
        else:
            shown.append(pair)
    return Reading(share, tuple(shown), chunks, **counts)


def leans(answer: Message) -> bool:
    """Whether an answer may hold words of those before it. One that was cut off may not have kept that
    its question was joined with them."""
    return bool(answer.condensed) or answer.status == Message.Status.FAILED


def _withheld(answer: Message, chunks: Mapping[UUID, Chunk], documents: set[UUID]) -> str:
    """Why an answer is not shown: closed, erased, or nothing."""
    why = ""
    for source in answer.sources.all():
        if source.document_id is None:
            why = why or "erased"
        elif (
            source.chunk_id not in chunks
            if source.chunk_id
            else source.document_id not in documents
        ):
            why = "closed"
    return why
