"""The product's own search, as a run asks it. It is recorded once, at the end of the run."""

from collections.abc import Sequence
from uuid import UUID

from accounts.models import User
from chat.condense import Turn
from chat.find import Query, find
from chat.passages import Passage
from chat.retrieve import Mode
from ingest.models import Index


def search(
    user: User,
    question: str,
    history: Sequence[Turn],
    collections: Sequence[UUID],
    index: Index,
    k: int,
    mode: Mode = "hybrid",
) -> list[Passage]:
    """The best `k` passages of that index. Raises ModelsUnavailable, StoreUnavailable."""
    return find(user, Query(question, collections, history, mode=mode, index=index), k).passages
