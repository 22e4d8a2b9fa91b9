"""What administrators do with models: may they, is it done, and both in the record."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.record import record
from fleet.models import Deed
from fleet.reasons import problem_of
from inference.desk_client import ask_desk
from inference.protocol import ModelsUnavailable

BEGUN = {
    Deed.Kind.ADD: actions.MODEL_ADDED,
    Deed.Kind.VERIFY: actions.MODEL_VERIFIED,
    Deed.Kind.TRY: actions.MODEL_TRIED,
    Deed.Kind.MEASURE: actions.MODEL_MEASURED,
    Deed.Kind.ACTIVATE: actions.MODEL_ACTIVATED,
    Deed.Kind.ROLLBACK: actions.MODEL_ROLLED_BACK,
}
#: What of a result is kept: the rest is what a model said.
_KEPT = ("sha256", "bytes", "kind", "before", "prompt", "completion")
#: Deeds that the page lists.
LISTED = 30
#: A job whose models process does not answer for this long has no end that anybody will tell.
LOST = timedelta(hours=12)


def shelf(user: User) -> dict[str, Any]:
    """All models and how they are (inference/shelf.py). Raises PermissionDenied, Problem."""
    _admin(user)
    return _ask("list")


def model(user: User, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the model, the shelf). Raises PermissionDenied, Http404, Problem."""
    listed = shelf(user)
    found = next((row for row in listed["models"] if row["name"] == name), None)
    if found is None:
        raise Http404
    return found, listed


@transaction.atomic
def begin(user: User, kind: Deed.Kind, **body: Any) -> Deed:
    """Set off a job. Raises PermissionDenied, Http404, Problem with the reason why it is refused."""
    _admin(user)
    job = _ask(str(kind), by=str(user.pk), **body)
    deed = Deed.objects.create(id=UUID(job["id"]), kind=kind, model=job["model"], user=user)
    record(BEGUN[kind], actor=user, target=("job", deed.pk), data={"model": deed.model})
    return deed


@transaction.atomic
def remove(user: User, name: str) -> dict[str, Any]:
    """Forget a model; its files go if they lie in a folder of its own. Raises as `begin`."""
    _admin(user)
    removed = _ask("remove", name=name)
    data = {"model": removed["model"], "sha256": removed["sha256"]}
    record(actions.MODEL_REMOVED, actor=user, data=data)
    return removed


@transaction.atomic
def begin_upload(user: User, *, file: str, size: int) -> str:
    """The id of a new upload, which this person alone goes on with. Raises as `begin`."""
    _admin(user)
    identity = str(_ask("upload-begin", file=file, bytes=size, by=str(user.pk))["id"])
    record(actions.MODEL_UPLOADED, actor=user, target=("upload", identity), data={"bytes": size})
    return identity


def put_piece(user: User, upload: UUID, offset: int, data: str) -> int:
    """Add base64 DATA; how many bytes are there. Raises as `begin`."""
    _admin(user)
    piece = {"offset": offset, "data": data, "by": str(user.pk)}
    return int(_ask("upload-put", id=str(upload), **piece)["bytes"])


@transaction.atomic
def drop_upload(user: User, upload: UUID) -> None:
    """Raises as `begin`."""
    _admin(user)
    _ask("upload-drop", id=str(upload), by=str(user.pk))
    record(actions.MODEL_UPLOAD_DROPPED, actor=user, target=("upload", upload))


def stop(user: User, pk: UUID) -> Deed:
    """Stop a try or a measurement, whoever set it off; what is over stays as it is.

    Raises PermissionDenied, Http404, Problem `job-goes-on`.
    """
    deed, _job = get(user, pk)
    if deed.over:
        return deed
    with transaction.atomic():
        # It may have come to its end by itself meanwhile.
        if _ask("stop", id=str(pk))["stopped"]:
            data = {"model": deed.model, "kind": deed.kind}
            record(actions.MODEL_WORK_STOPPED, actor=user, target=("job", pk), data=data)
    settle(deed)
    return deed


def get(user: User, pk: UUID) -> tuple[Deed, dict[str, Any]]:
    """A deed as it stands, and its job, empty where that is forgotten. Raises PermissionDenied, Http404."""
    _admin(user)
    deed = Deed.objects.select_related("user").filter(pk=pk).first()
    if deed is None:
        raise Http404
    job = settle(deed)
    # What a model was asked and said is for who asked.
    return deed, job if deed.user == user or deed.kind != Deed.Kind.TRY else {}


def recent(user: User) -> list[Deed]:
    """The newest first, ended ones told so. Raises PermissionDenied."""
    _admin(user)
    settle_open()
    return list(Deed.objects.select_related("user")[:LISTED])


def settle_open() -> None:
    """Write down how jobs ended whose end nobody has looked at."""
    # Where the models process does not answer, a page is not to wait for it once for each of them.
    with suppress(ModelsUnavailable):
        for deed in Deed.objects.filter(state=Deed.State.RUNNING).order_by("created_at")[:100]:
            _settled(deed)


def settle(deed: Deed) -> dict[str, Any]:
    """The job of a deed, {} where it is forgotten; an end is written down once, in the record, too."""
    try:
        return _settled(deed)
    except ModelsUnavailable:
        return {}


def _settled(deed: Deed) -> dict[str, Any]:
    """Raises ModelsUnavailable where the models process cannot be asked."""
    try:
        job = ask_desk("job", id=str(deed.pk))
    except ModelsUnavailable as error:
        if error.code == "job-unknown" or timezone.now() - deed.created_at > LOST:
            _end(deed, Deed.State.FAILED, "job-lost", {})
            return {}
        raise
    if job["state"] in (Deed.State.DONE, Deed.State.FAILED):
        result = {key: job["result"][key] for key in _KEPT if key in job["result"]}
        _end(deed, job["state"], job["code"], result)
    return job


@transaction.atomic
def _end(deed: Deed, state: str, code: str, result: dict[str, Any]) -> None:
    if deed.over:
        return
    ended = {"state": state, "error_code": code[:50], "result": result}
    running = Deed.objects.filter(pk=deed.pk, state=Deed.State.RUNNING)
    if running.update(**ended, finished_at=timezone.now()):
        record(
            actions.MODEL_WORK_ENDED, target=("job", deed.pk), data=_data(deed, state, code, result)
        )
    deed.refresh_from_db()


def _data(deed: Deed, state: str, code: str, result: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers alone: tokens in a thousand seconds."""
    kept = {key: value for key, value in result.items() if isinstance(value, str | int)}
    speeds = {
        f"{key}_per_1000s": round(value * 1_000)
        for key, value in result.items()
        if isinstance(value, float)
    }
    return {"model": deed.model, "kind": deed.kind, "state": state, "code": code, **kept, **speeds}


def _admin(user: User) -> None:
    if not (user.is_active and user.is_admin):
        raise PermissionDenied


def _ask(action: str, **body: Any) -> dict[str, Any]:
    try:
        return ask_desk(action, **body)
    except ModelsUnavailable as error:
        if error.code == "model-unknown":
            raise Http404 from error
        raise problem_of(error) from error
