"""Runs as people start, stop and delete them. Each is one transaction with its audit entry."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.people import clean_name
from audit import actions
from audit.problems import Problem
from audit.record import Data, record
from evaluation.access import get_run, get_set
from evaluation.assisted import assistant_of
from evaluation.config import config_of
from evaluation.ending import end, summary_of
from evaluation.failures import detail_of
from evaluation.held import require_free
from evaluation.models import Question, QuestionSet, Run
from inference.protocol import ModelsUnavailable
from ingest import queue
from ingest.indexes import active
from ingest.models import Index

#: Of its settings, what the record has of an assistant.
ASSISTANT = ("assistant_id", "assistant_version")

__all__ = ["delete_run", "start_run", "stop_run", "summary_of"]


def start_run(  # noqa: PLR0913 (what a run has)
    user: User,
    question_set: QuestionSet,
    *,
    kind: str = Run.Kind.RETRIEVAL,
    label: str = "",
    index: Index | None = None,
    model: str = "",
    mode: str = Run.Mode.HYBRID,
    assistant: UUID | None = None,
    send: bool = True,
) -> Run:
    """Ask all accepted questions of a set, as `user`. A worker does it, or (`send` False) the caller.

    `index`: another than the one in use, `mode`: a part of the search; both for finding alone.
    `assistant`: what the questions are put to, for answers alone. Raises Http404, Problem `no-questions`,
    `invalid`, `run-in-progress`, `index-not-built`, `assistant-closed`, `assistant-nowhere`, and 503 with
    the code of a model that cannot be asked.
    """
    found = get_set(user, question_set.pk)
    chosen = _usable(index, kind)
    if kind == Run.Kind.ANSWERS and mode != Run.Mode.HYBRID:
        raise Problem(422, "invalid", _("A part of the search can be measured for finding alone."))
    total = found.questions.filter(state=Question.State.ACCEPTED).count()
    if not total:
        raise Problem(409, "no-questions", _("Accept or add a question first."))
    helper = assistant_of(user, found, kind, assistant)
    try:
        config = config_of(user, found, kind, chosen, model, mode, helper)
    except ModelsUnavailable as error:
        raise Problem(503, error.code, detail_of(error.code)) from error
    run = Run(
        set=found,
        kind=kind,
        label=clean_name(label),
        index=chosen,
        config=config,
        started_by=user,
        total=total,
    )
    return _begun(user, run, send)


def _begun(user: User, run: Run, send: bool) -> Run:
    try:
        with transaction.atomic():
            run.save()
            record(actions.RUN_BEGUN, actor=user, target=("run", run.pk), data=_about(run))
            if send:
                queue.send_on_commit(queue.EVALUATE, str(run.pk))
    except IntegrityError as error:
        detail = _("A run of this kind is on its way. Wait for it, or stop it.")
        raise Problem(409, "run-in-progress", detail) from error
    return run


def _about(run: Run) -> Data:
    names = ("collections", "embedder", "mode", "model", "model_sha256", *ASSISTANT)
    made_with = {name: run.config[name] for name in names if name in run.config}
    ids = {"set": str(run.set_id), "index": str(run.index_id)}
    return {**ids, "kind": run.kind, "total": run.total, **made_with}


def _usable(index: Index | None, kind: str) -> Index:
    used = active()
    if index is None or index.pk == used.pk:
        return used
    if kind == Run.Kind.ANSWERS or index.state != Index.State.BUILDING or index.built_at is None:
        detail = _("This index cannot be measured. Choose the one in use, or one that is built.")
        raise Problem(409, "index-not-built", detail)
    return index


@transaction.atomic
def stop_run(user: User, run: Run) -> None:
    """Ask whoever works on it to stop; what it came to stays. Harmless when it is over. Raises Http404."""
    run = get_run(user, run.pk)
    unfinished = Run.objects.filter(pk=run.pk, status__in=[Run.Status.QUEUED, Run.Status.RUNNING])
    unfinished.update(stop_requested=True)
    # Nobody has it: there is no worker who could notice.
    end(unfinished.filter(status=Run.Status.QUEUED), Run.Status.STOPPED)


@transaction.atomic
def delete_run(user: User, run: Run) -> None:
    """Delete a run with its results; one that is at work ends. Raises Http404, Problem `on-hold`."""
    run = get_run(user, run.pk)
    require_free([run.started_by_id])
    data: Data = {"set": str(run.set_id), "done": run.done}
    record(actions.RUN_DELETED, actor=user, target=("run", run.pk), data=data)
    run.delete()
