"""Rooms above that keep words of documents hear here that one is erased, and let go of them.

They connect to `forgetting`; ingest does not know them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.dispatch import Signal
from django.utils import timezone

from ingest.models import Document, Receipt

#: How far is looked back for the collections, at first and later.
AGE = timedelta(minutes=10)


@dataclass(slots=True)
class Forgetting:
    """One document that goes, while its passages are still there.

    `final`: nobody shall read its words again; else a newer version of the file has come. `texts`: pieces
    of its words that will be looked for: whoever keeps some for a reason of its own (what a person wrote
    herself, what a hold keeps) discards them. `removed` and `kept`: what went and what stays, by kind.
    """

    document: Document
    final: bool
    texts: dict[bytes, str] = field(default_factory=dict)
    removed: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    def stays(self, text: str) -> None:
        """This text stays, whatever of the document it repeats."""
        forms = (text.encode(), text.encode("utf-16-le"))
        for window in [each for each in self.texts if any(each in form for form in forms)]:
            del self.texts[window]


#: Sent with `documents`, ids of those that are marked for good, in that transaction: at once.
marked = Signal()
#: Sent with `about`, a Forgetting, in the transaction before anything of the document goes.
forgetting = Signal()


# --- memory -------------------------------------------------------------------------------------
#: Called with the collections in which something was erased.
_memories: list[Callable[[frozenset[UUID]], object]] = []
#: Erasures that were asked for, and that are done, when this process last looked. Counted, for one that takes
#: long is seen after others that were asked for later; when it is done, too, for what was at work then.
_seen: list[tuple[int, int]] = []


def remembered(forget: Callable[[frozenset[UUID]], object]) -> None:
    """Register a memory of this process that holds words or vectors of documents: how to empty it."""
    _memories.append(forget)


def empty_if_erased() -> bool:
    """Empty the memories of this process where something was erased since it last asked. Web processes
    and workers ask every few seconds (sovereign/memories.py)."""
    every = Receipt.objects.aggregate(asked=Count("pk"), done=Count("finished_at"))
    counts, first = (every["asked"], every["done"]), not _seen
    if _seen == [counts]:
        return False
    _seen[:] = [counts]
    since = timezone.now() - AGE
    late = Receipt.objects.filter(Q(requested_at__gt=since) | Q(finished_at__gt=since)).order_by()
    collections = frozenset(late.values_list("collection_id", flat=True).distinct())
    if first and not collections:
        return False
    for forget in _memories:
        forget(collections)
    return True
