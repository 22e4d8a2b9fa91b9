"""How a run ends, and what it came to: its scores, and its entry in the record."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import actions
from audit.record import Data, record
from evaluation.measures import Row, summary
from evaluation.models import Run

#: Of one entry of the record; how many there were is told besides.
MOST_DOCUMENTS = 500


def summary_of(run: Run) -> dict[str, Any]:
    """The scores of a run that is over, or as far as it is: evaluation/measures.py."""
    return dict(run.scores) if run.over and run.scores else summary(_rows(run))


def _rows(run: Run) -> list[Row]:
    names = ("key", "type", "language", "status", "scores", "ms")
    return [Row(*values) for values in run.results.order_by("ordinal").values_list(*names)]


@transaction.atomic
def end(held: QuerySet[Run], status: str, code: str = "") -> bool:
    """End the run that `held` is, once, with its scores. False where it is not so any more."""
    run = held.select_for_update(of=("self",)).first()
    if run is None:
        return False
    held.update(
        status=status,
        error_code=code,
        scores=summary(_rows(run)),
        finished_at=timezone.now(),
        # Questions that came or went meanwhile.
        total=run.done if status == Run.Status.DONE else run.total,
        lease=None,
        lease_until=None,
    )
    data = {"status": status, "code": code, "done": run.done, **_shown(run)}
    record(actions.RUN_FINISHED, actor=run.started_by, target=("run", run.pk), data=data)
    return True


def _shown(run: Run) -> Data:
    """Which documents were found, by all questions together."""
    found = {
        str(passage["document"])
        for passages in run.results.values_list("passages", flat=True)
        for passage in passages
    }
    documents = sorted(found)[:MOST_DOCUMENTS]
    return {"set": str(run.set_id), "documents": documents, "document_count": len(found)}
