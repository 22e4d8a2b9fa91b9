"""The record of looking at answers again: whose passages were shown, once for each visit.

When an answer is written its own entry says what was shown. A person who comes back later reads the
passages anew, perhaps years after, so that is recorded as well; not each fragment of a page, though.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import record
from chat.models import Message
from chat.witness import distinct
from ingest.models import Chunk

#: What is looked at again within this time is the same visit.
VISIT = timedelta(minutes=10)
#: Ids of passages in one entry; `chunk_count` says how many there were.
MOST_CHUNKS = 500


def record_read(user: User, answers: Sequence[Message], shown: Mapping[UUID, Chunk]) -> None:
    """Record that `user` was shown these passages of finished answers of one conversation or several.

    `shown`: chunks by id, as readable_chunks finds them.
    """
    by_conversation: dict[UUID, set[UUID]] = {}
    since = timezone.now() - VISIT
    for answer in answers:
        if answer.finished_at is None or answer.finished_at > since:
            continue  # the entry of the answer itself is as new
        chunks = {source.chunk_id for source in answer.sources.all()} & shown.keys()
        by_conversation.setdefault(answer.conversation_id, set()).update(
            pk for pk in chunks if pk is not None
        )
    for conversation, chunks_seen in by_conversation.items():
        _record(user, conversation, [shown[pk] for pk in chunks_seen])


def _record(user: User, conversation: UUID, chunks: Sequence[Chunk]) -> None:
    documents = distinct(chunk.document_id for chunk in chunks)
    if not set(documents) - _known(user, conversation):
        return
    record(
        actions.CONVERSATION_READ,
        actor=user,
        target=("conversation", conversation),
        data={
            "documents": documents,
            "chunks": distinct(chunk.pk for chunk in chunks)[:MOST_CHUNKS],
            "chunk_count": len(chunks),
        },
    )


def record_export(user: User, conversation: UUID, form: str, documents: Iterable[UUID]) -> None:
    record(
        actions.CONVERSATION_EXPORTED,
        actor=user,
        target=("conversation", conversation),
        data={"format": form, "documents": distinct(documents)},
    )


def _known(user: User, conversation: UUID) -> set[str]:
    """Documents that this visit has recorded already."""
    entries = Entry.objects.filter(
        actor=str(user.pk),
        action=actions.CONVERSATION_READ,
        target_id=str(conversation),
        at__gt=timezone.now() - VISIT,
    )
    return {pk for data in entries.values_list("data", flat=True) for pk in data["documents"]}
