"""The best passages, read together with the question by a reranker, where there is one."""

from collections.abc import Sequence

from django.conf import settings

from accounts.models import User
from chat.rank import Ranked, reread
from inference.client import get_client
from ingest.access import chunks_for
from ingest.claims import free_connection

#: Of one question, whatever the settings say.
MOST = 100


def is_wanted() -> bool:
    return bool(settings.RERANKER)


def read_again(user: User, question: str, ranked: Sequence[Ranked]) -> list[Ranked]:
    """The first of `ranked` in a better order; all as they were where they are not read in time.

    The reranker gets what is embedded of a passage, and only of those that `user` may read.
    """
    ids = [each.chunk for each in ranked[: min(settings.RERANK_DEPTH, MOST)]]
    rows = chunks_for(user).filter(pk__in=ids).values_list("pk", "context", "text")
    texts = {pk: f"{context}\n{text}" if context else text for pk, context, text in rows}
    if len(texts) < 2:
        return list(ranked)
    free_connection()
    scores = get_client().rerank(question, list(texts.values()), seconds=settings.RERANK_SECONDS)
    if scores is None:
        return list(ranked)
    return reread(ranked, dict(zip(texts, scores, strict=True)))
