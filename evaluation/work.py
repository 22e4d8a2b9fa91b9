"""A run at work: one question after the other, each kept before the next.

Whatever stops it, it goes on behind the last result. Between questions it makes way: for documents
and everything else that waits for the worker, and for people who wait for the model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import User
from evaluation import claims
from evaluation.access import sets_for
from evaluation.asking import Interrupted, Outcome, find_passages, write_answer
from evaluation.claims import Claim, LeaseLost
from evaluation.draft import draft_of
from evaluation.ending import end
from evaluation.matching import Files, matched, names_of
from evaluation.measures import answer_scores, retrieval_scores
from evaluation.models import Question, Result, Run
from inference.protocol import ModelsUnavailable
from ingest import queue
from ingest.access import documents_for, searchable
from ingest.claims import heartbeat, until
from ingest.indexes import active
from ingest.models import Document, Index
from ingest.store import StoreUnavailable

log = structlog.get_logger(__name__)

#: So long a run is worked on before it makes way for messages that wait.
SLICE_SECONDS = 20.0
#: Seconds until it is tried again while the models or the vectors are away; each time as many more.
REST_SECONDS = 15.0

Progress = Callable[[int, int, Result], None]


class Over(Exception):
    """The run cannot go on. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Bench:
    """What all questions of one slice are asked with."""

    run: Run
    user: User
    collections: tuple[UUID, ...]
    index: Index
    files: Files


def work(claim: Claim, *, progress: Progress | None = None, yielding: bool = True) -> None:
    """Ask what is left of a claimed run, until it is over or makes way. `yielding` False: to its end, which
    is also where the models or the vectors are away."""
    try:
        with heartbeat(claim):
            _ask_all(claim, progress, yielding)
    except (LeaseLost, Interrupted):
        _notice(claim)
    except Over as over:
        end(claim.held(), Run.Status.FAILED, over.code)
    except (ModelsUnavailable, StoreUnavailable) as error:
        _rest(claim, error, yielding)
    except Exception as error:
        # The edge of the run: whatever went wrong, it ends and says so.
        log.exception("run_crashed", run=str(claim.run), error=type(error).__name__)
        end(claim.held(), Run.Status.FAILED, "run-crashed")


def _ask_all(claim: Claim, progress: Progress | None, yielding: bool) -> None:
    run = claim.check()
    files = _files(run)
    for question in _left(run):
        bench = _bench(claim.check(), files)
        result = _step(claim, bench, question)
        if progress:
            progress(result.ordinal, bench.run.total, result)
        if yielding and claim.seconds >= SLICE_SECONDS and _is_called():
            claims.put_back(claim)
            queue.send(queue.EVALUATE, str(claim.run))
            return
    claim.check()
    end(claim.held(), Run.Status.DONE)


def _notice(claim: Claim) -> None:
    """A stop that came while an answer was written."""
    held = claim.held()
    if held.filter(stop_requested=True).exists():
        end(held, Run.Status.STOPPED)


def _rest(claim: Claim, error: ModelsUnavailable | StoreUnavailable, yielding: bool) -> None:
    run = claim.held().first()
    if run is None:
        return
    last = not yielding or run.attempts >= claims.MOST_ATTEMPTS
    if last or getattr(error, "permanent", False):
        end(claim.held(), Run.Status.FAILED, error.code[:50])
    else:
        claims.put_back(claim, REST_SECONDS * run.attempts)


def _is_called() -> bool:
    try:
        return queue.depth() > 0
    except queue.BrokerUnavailable:
        return False


def _left(run: Run) -> Iterator[Question]:
    """What has no result yet, each as it is when its turn comes. Keys may change meanwhile: neither a
    question nor a key comes twice."""
    accepted = run.set.questions.filter(
        state=Question.State.ACCEPTED, created_at__lte=run.created_at
    )
    asked = accepted.filter(
        ~Exists(run.results.filter(key=OuterRef("key"))),
        ~Exists(run.results.filter(question=OuterRef("pk"))),
    )
    for pk in list(asked.order_by("key", "id").values_list("pk", flat=True)):
        question = asked.filter(pk=pk).first()
        if question is not None:
            yield question


def _files(run: Run) -> Files:
    """The documents that the set's questions may mean."""
    names = sorted(names_of(run.set.questions.values("evidence", "also_in")))
    if run.started_by is None:
        raise Over("run-forbidden")
    readable = documents_for(run.started_by).filter(
        searchable(), collection__in=run.set.collections.all()
    )
    rows: list[tuple[UUID, str, str]] = []
    for start in range(0, len(names), 500):
        some = readable.filter(name__in=names[start : start + 500])
        rows += some.values_list("id", "path", "name")
    return Files(rows)


def _bench(run: Run, files: Files) -> Bench:
    """Everything looked at anew: rights and indexes change while a run is at work. Raises Over."""
    user = run.started_by
    if user is None or not sets_for(user).filter(pk=run.set_id).exists():
        raise Over("run-forbidden")
    if run.index is None or run.index.state == Index.State.RETIRED:
        raise Over("index-gone")
    if run.kind == Run.Kind.ANSWERS and active().pk != run.index_id:
        raise Over("index-switched")
    collections = tuple(run.set.collections.values_list("id", flat=True))
    return Bench(run, user, collections, run.index, files)


def _step(claim: Claim, bench: Bench, question: Question) -> Result:
    asked = asdict(draft_of(question))
    known = matched(asked, bench.files)
    result = Result(
        run=bench.run,
        question=question,
        key=question.key,
        type=question.type,
        language=question.language,
        digest=question.digest,
    )
    if known is None:
        result.status = Result.Status.NO_DOCUMENT
    elif bench.run.kind == Run.Kind.ANSWERS:
        _answer(claim, bench, known, result)
    elif not known["evidence"]:
        result.status = Result.Status.UNSCORED
    else:
        _find(bench, known, result)
    return _kept(claim, result)


def _find(bench: Bench, question: Mapping[str, Any], result: Result) -> None:
    mode = bench.run.config.get("mode", Run.Mode.HYBRID)
    outcome = find_passages(bench.user, question, bench.collections, bench.index, mode)
    result.scores = retrieval_scores(question, outcome.found)
    result.passages, result.ms = outcome.passages, outcome.ms


def _answer(claim: Claim, bench: Bench, question: Mapping[str, Any], result: Result) -> None:
    def stopped() -> bool:
        return not claim.held().filter(stop_requested=False).exists()

    config = bench.run.config
    outcome: Outcome = write_answer(
        bench.user, question, bench.collections, config, stopped=stopped
    )
    result.scores = answer_scores(question, outcome.answer, outcome.found, outcome.status)
    result.passages, result.ms, result.answer = outcome.passages, outcome.ms, outcome.answer
    result.confidence = outcome.confidence
    if outcome.status == "failed":
        result.status, result.error_code = Result.Status.FAILED, outcome.code[:50]


@transaction.atomic
def _kept(claim: Claim, result: Result) -> Result:
    """Write a result, once. Raises LeaseLost."""
    run = claim.held().select_for_update(of=("self",)).first()
    if run is None:
        raise LeaseLost
    run.done = result.ordinal = run.done + 1
    claim.held().update(done=run.done, attempts=1, lease_until=until())
    documents = _there(result)
    result.save()
    result.documents.set(documents)
    return result


def _there(result: Result) -> list[Document]:
    """The documents of an answer, held still; of those that are gone nothing is kept."""
    if not result.answer:
        return []
    needed = {passage["document"] for passage in result.passages}
    there = Document.objects.filter(pk__in=needed).exclude(status=Document.Status.ERASING)
    documents = list(there.select_for_update(of=("self",)).order_by("id"))
    if len(documents) < len(needed):
        result.answer = ""
    return documents
