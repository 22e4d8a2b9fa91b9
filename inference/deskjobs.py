"""Long work on models, one piece after the other: read a file, load a model, measure it."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import structlog

from inference.errors import ModelError
from inference.protocol import ModelsUnavailable

log = structlog.get_logger(__name__)

#: That wait or run at once, and that are remembered.
MOST_OPEN, MOST_KEPT = 20, 100

Kind = Literal["add", "verify", "try", "measure", "activate", "rollback"]
State = Literal["queued", "running", "done", "failed"]
#: What may be stopped in the middle: nothing is half done then.
STOPPABLE: frozenset[Kind] = frozenset({"try", "measure"})


@dataclass(eq=False)
class Job:
    """`done` of `total` bytes or tokens where it is known. `result` is there when it is done; of a try what
    was written so far."""

    kind: Kind
    model: str
    by: str
    id: str = field(default_factory=lambda: str(uuid4()))
    state: State = "queued"
    phase: str = ""
    done: int = 0
    total: int = 0
    code: str = ""
    detail: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    #: Somebody wants no more of it.
    stopped: bool = False
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed")

    def count(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def say(self, phase: str) -> None:
        """Raises ModelError(`job-stopped`) once it was stopped."""
        self.phase, self.done, self.total = phase, 0, 0
        if self.stopped:
            raise stopped()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Work = Callable[[Job], dict[str, Any]]


class Jobs:
    """Runs them in a thread of its own, in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[tuple[Job, Work]] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="desk", daemon=True).start()

    def begin(self, job: Job, work: Work) -> Job:
        """Raises ModelError(`jobs-full`)."""
        with self._changed:
            if sum(not each.over for each in self._jobs.values()) >= MOST_OPEN:
                raise ModelError("jobs-full", "Too much waits already. Try again when it is done.")
            self._jobs[job.id] = job
            for old in [each.id for each in self._jobs.values() if each.over][:-MOST_KEPT]:
                del self._jobs[old]
            self._waiting.append((job, work))
            self._changed.notify()
        return job

    def get(self, identity: str) -> Job:
        """Raises ModelError(`job-unknown`)."""
        with self._changed:
            job = self._jobs.get(identity)
        if job is None:
            raise ModelError(
                "job-unknown", "The models process knows nothing of this: it was started anew."
            )
        return job

    def stop(self, identity: str) -> Job:
        """Stop a try or a measurement, or take it out of the line; nothing happens where it is over.

        Raises ModelError(`job-unknown`, `job-goes-on`).
        """
        job = self.get(identity)
        with self._changed:
            if job.over:
                return job
            if job.kind not in STOPPABLE:
                raise ModelError(
                    "job-goes-on", "Only a try and a measurement can be stopped: this goes on."
                )
            job.stopped = True
            waiting = [each for each in self._waiting if each[0] is job]
            for each in waiting:
                self._waiting.remove(each)
        if waiting:
            _end(job, stopped())
        return job

    def busy_with(self, model: str) -> bool:
        with self._changed:
            return any(each.model == model and not each.over for each in self._jobs.values())

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job, work = self._waiting.popleft()
            _run(job, work)


def _run(job: Job, work: Work) -> None:
    job.state = "running"
    try:
        job.result = work(job)
        job.state = "done"
    except (ModelError, ModelsUnavailable) as error:
        _end(job, error)
    except Exception as error:
        log.exception("desk_job_failed", kind=job.kind)
        detail = (
            f"It failed ({type(error).__name__}); the log of the models process has the reason."
        )
        _end(job, ModelError("model-job-failed", detail))


def _end(job: Job, error: ModelError | ModelsUnavailable) -> None:
    job.code, job.detail = error.code, error.detail
    job.state = "failed"


def stopped() -> ModelError:
    return ModelError("job-stopped", "It was stopped.")
