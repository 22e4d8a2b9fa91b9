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


@dataclass(eq=False)
class Job:
    """`done` of `total` bytes or tokens where it is known. `result` is there when it is done."""

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
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed")

    def count(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def say(self, phase: str) -> None:
        self.phase, self.done, self.total = phase, 0, 0

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
        job.code, job.detail = error.code, error.detail
        job.state = "failed"
    except Exception as error:
        log.exception("desk_job_failed", kind=job.kind)
        job.code = "model-job-failed"
        job.detail = (
            f"It failed ({type(error).__name__}); the log of the models process has the reason."
        )
        job.state = "failed"
