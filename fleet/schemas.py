"""What the API of models takes and gives."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from fleet.models import Deed


class SpeedOut(Schema):
    prompt: float
    completion: float


class FitOut(Schema):
    needed: int
    available: int
    code: str
    detail: str


class RegisteredOut(Schema):
    """`state`: active, loaded, here, unread (its hash was not compared yet), missing, changed."""

    name: str
    kind: str
    state: str
    family: str
    licence: str
    bytes: int
    context: int
    sha256: str
    source: str
    base: str
    by_hand: bool
    origin: dict[str, str]
    speed: SpeedOut
    measured_bytes: int
    fit: FitOut | None


class ServerOut(Schema):
    """A model server elsewhere. `state`: ready, busy, away (`code` says why). `running`: our answers
    there, `others`: those of others; `error`: what went wrong last. Seconds are 0 where not known."""

    name: str
    state: str
    code: str
    models: dict[str, int]
    version: str
    running: int
    others: int
    seats: int
    answers: dict[str, int]
    error: str
    error_ago: int | None
    look_seconds: float
    first_seconds: float


class ShelfOut(Schema):
    """`files`: GGUF files that could be registered. `memory`: bytes that are free. `replicas`: where
    answers come from, if not from this machine."""

    active: str
    before: str
    switchable: bool
    memory: int
    models: list[RegisteredOut]
    files: list[dict[str, Any]]
    history: list[dict[str, str]]
    replicas: list[ServerOut]


class AddIn(Schema):
    """Either `path`, of a file on the server, or `upload`, with the `file`'s name."""

    path: str = Field("", max_length=1_000)
    upload: UUID | None = None
    file: str = Field("", max_length=200)
    name: str = Field("", max_length=80)
    licence: str = Field("", max_length=80)
    family: str = Field("", max_length=20)
    base: str = Field("", max_length=80)


class QuestionIn(Schema):
    question: str = Field(min_length=1, max_length=4_000)


class UploadIn(Schema):
    file: str = Field(max_length=200)
    bytes: int = Field(ge=1)


class UploadOut(Schema):
    id: UUID
    bytes: int


class DeedOut(Schema):
    """`result` is there at its end; of a question that was tried, for who asked alone."""

    id: UUID
    kind: str
    model: str
    state: str
    phase: str
    done: int
    total: int
    error: dict[str, str] | None
    result: dict[str, Any]
    begun_at: datetime
    ended_at: datetime | None


class RemovedOut(Schema):
    model: str
    sha256: str


def deed_out(deed: Deed, job: dict[str, Any], detail: str) -> dict[str, Any]:
    return {
        "id": deed.pk,
        "kind": deed.kind,
        "model": deed.model,
        "state": deed.state,
        "phase": str(job.get("phase") or ""),
        "done": int(job.get("done") or 0),
        "total": int(job.get("total") or 0),
        "error": {"code": deed.error_code, "detail": detail} if deed.error_code else None,
        "result": job.get("result") or deed.result,
        "begun_at": deed.created_at,
        "ended_at": deed.finished_at,
    }
