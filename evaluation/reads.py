"""The record of looking at runs: whose passages and answers were shown, once for each visit.

The entry of a run's end names what was found for the person who started it. Whoever opens its results
later, or takes them along in a file, is another reader.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import Data, record
from chat.reads import VISIT
from chat.witness import distinct
from evaluation.ending import MOST_DOCUMENTS
from evaluation.models import Result, Run


def record_read(user: User, run: Run, documents: Iterable[UUID]) -> None:
    """Record that `user` was shown text of these documents in results of `run`."""
    shown = distinct(documents)
    if set(shown) - _known(user, run):
        record(actions.RUN_READ, actor=user, target=("run", run.pk), data={"documents": shown})


def record_export(user: User, run: Run, form: str, documents: Iterable[UUID]) -> None:
    """Record that `user` took results of `run` along, with answers that rest on these documents."""
    found = distinct(documents)
    shown = found[:MOST_DOCUMENTS]
    data: Data = {"format": form, "documents": shown, "document_count": len(found)}
    record(actions.RUN_EXPORTED, actor=user, target=("run", run.pk), data=data)


def rested_on(results: Sequence[Result], answered: Iterable[UUID]) -> list[UUID]:
    """The documents that those of `results` whose answers are shown (ids `answered`) rest on."""
    chosen = set(answered)
    return [
        UUID(passage["document"])
        for each in results
        if each.pk in chosen
        for passage in each.passages
    ]


def _known(user: User, run: Run) -> set[str]:
    """Documents that this visit has recorded already."""
    entries = Entry.objects.filter(
        actor=str(user.pk),
        action=actions.RUN_READ,
        target_id=str(run.pk),
        at__gt=timezone.now() - VISIT,
    )
    return {pk for data in entries.values_list("data", flat=True) for pk in data["documents"]}
