"""Rooms above that keep words of documents hear here that one is erased, and let go of them.

They connect to `forgetting`; ingest does not know them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db.models import Max
from django.dispatch import Signal

from ingest.models import Document, Receipt


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
_caches: list[Callable[[], object]] = []
_seen: list[object] = [None]


def remembered(clear: Callable[[], object]) -> None:
    """Register a memory of this process that holds words or vectors of documents: how to empty it."""
    _caches.append(clear)


def empty() -> None:
    for clear in _caches:
        clear()


def empty_if_erased() -> bool:
    """Empty the memories of this process where something was erased since it last asked."""
    newest = Receipt.objects.aggregate(at=Max("requested_at"))["at"]
    was, _seen[0] = _seen[0], newest
    if newest is None or was == newest:
        return False
    empty()
    return True
