"""The product's own search, as a run asks it. It is recorded once, at the end of the run."""

from collections.abc import Sequence
from uuid import UUID

from accounts.models import User
from chat.condense import Turn, condense
from chat.rank import Passage, rank
from chat.retrieve import DEPTH, Candidate
from inference.client import get_client
from ingest import lexical, store
from ingest.access import chunks_for, readable_ids
from ingest.models import Index


def search(
    user: User,
    question: str,
    history: Sequence[Turn],
    collections: Sequence[UUID],
    index: Index,
    k: int,
) -> list[Passage]:
    """The best `k` passages of that index. Raises ModelsUnavailable, StoreUnavailable."""
    allowed = sorted(set(collections) & set(readable_ids(user, None)))
    wanted = condense(question, history)
    vector = get_client().embed_queries([wanted])[0]
    dense = {hit.chunk: hit.score for hit in store.search(vector, allowed, DEPTH, index=index)}
    words = {hit.chunk: hit.score for hit in lexical.search(wanted, allowed, DEPTH, index=index.pk)}
    chunks = chunks_for(user).filter(pk__in=dense.keys() | words.keys())
    found = chunks.select_related("document__collection").defer("vector")
    return rank([Candidate(c, dense.get(c.pk), words.get(c.pk)) for c in found], k)
