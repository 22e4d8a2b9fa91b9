"""The API of models, for administrators. What takes long answers with a job that is asked after."""

import base64
from typing import Any
from uuid import UUID

from ninja import Router, Status

from accounts.auth import requires
from accounts.http import SignedInRequest
from fleet import deeds
from fleet.models import Deed
from fleet.reasons import sentence
from fleet.schemas import (
    AddIn,
    DeedOut,
    QuestionIn,
    RegisteredOut,
    RemovedOut,
    ShelfOut,
    UploadIn,
    UploadOut,
    deed_out,
)

router = Router(tags=["models"])
ADMIN = requires("admin")
Begun = Status[dict[str, Any]]


@router.get("/models/registered", auth=ADMIN, response=ShelfOut)
def list_registered(request: SignedInRequest) -> dict[str, Any]:
    """All models of the machine, where each stands, and which is active."""
    return deeds.shelf(request.user)


@router.post("/models/registered", auth=ADMIN, response={202: DeedOut})
def post_registered(request: SignedInRequest, payload: AddIn) -> Begun:
    """Register a GGUF file: of a folder that is allowed, or uploaded. A LoRA adapter needs its `base`."""
    body = payload.dict() | {"upload": str(payload.upload or "")}
    return _begun(request, Deed.Kind.ADD, **body)


@router.post("/models/rollback", auth=ADMIN, response={202: DeedOut})
def post_rollback(request: SignedInRequest) -> Begun:
    """Activate the chat model that was active before."""
    return _begun(request, Deed.Kind.ROLLBACK)


@router.post("/models/uploads", auth=ADMIN, response={201: UploadOut})
def post_upload(request: SignedInRequest, payload: UploadIn) -> Status[dict[str, Any]]:
    """Begin to upload a file of so many bytes."""
    identity = deeds.begin_upload(request.user, file=payload.file, size=payload.bytes)
    return Status(201, {"id": identity, "bytes": 0})


@router.put("/models/uploads/{uuid:pk}", auth=ADMIN, response=UploadOut)
def put_piece(request: SignedInRequest, pk: UUID, offset: int = 0) -> dict[str, Any]:
    """Add the body of the request, of up to 2 MB, at `offset`. The answer says how much is there."""
    data = base64.b64encode(request.body).decode()
    return {"id": pk, "bytes": deeds.put_piece(request.user, pk, offset, data)}


@router.post("/models/uploads/{uuid:pk}/drop", auth=ADMIN, response={204: None})
def drop_upload(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Give an upload up."""
    deeds.drop_upload(request.user, pk)
    return Status(204, None)


@router.get("/models/jobs/{uuid:pk}", auth=ADMIN, response=DeedOut)
def read_job(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """How far it is, or what came of it."""
    return _out(*deeds.get(request.user, pk))


@router.post("/models/jobs/{uuid:pk}/stop", auth=ADMIN, response=DeedOut)
def stop_job(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """Stop a try or a measurement. What is over stays as it is."""
    deeds.stop(request.user, pk)
    return _out(*deeds.get(request.user, pk))


@router.get("/models/{name}", auth=ADMIN, response=RegisteredOut)
def read_model(request: SignedInRequest, name: str) -> dict[str, Any]:
    """One model."""
    return deeds.model(request.user, name)[0]


@router.delete("/models/{name}", auth=ADMIN, response=RemovedOut)
def delete_model(request: SignedInRequest, name: str) -> dict[str, Any]:
    """Forget a model. Never one that is in use."""
    return deeds.remove(request.user, name)


@router.post("/models/{name}/verify", auth=ADMIN, response={202: DeedOut})
def post_verify(request: SignedInRequest, name: str) -> Begun:
    """Read its files again and compare their SHA-256."""
    return _begun(request, Deed.Kind.VERIFY, name=name)


@router.post("/models/{name}/try", auth=ADMIN, response={202: DeedOut})
def post_try(request: SignedInRequest, name: str, payload: QuestionIn) -> Begun:
    """Ask it something, without documents."""
    return _begun(request, Deed.Kind.TRY, name=name, question=payload.question)


@router.post("/models/{name}/measure", auth=ADMIN, response={202: DeedOut})
def post_measure(request: SignedInRequest, name: str) -> Begun:
    """How fast it reads and writes here, and what memory it takes."""
    return _begun(request, Deed.Kind.MEASURE, name=name)


@router.post("/models/{name}/activate", auth=ADMIN, response={202: DeedOut})
def post_activate(request: SignedInRequest, name: str) -> Begun:
    """Let answers come from it. Those that are being written end with the old one."""
    return _begun(request, Deed.Kind.ACTIVATE, name=name)


def _begun(request: SignedInRequest, kind: Deed.Kind, **body: Any) -> Begun:
    deed = deeds.begin(request.user, kind, **body)
    return Status(202, _out(deed, {}))


def _out(deed: Deed, job: dict[str, Any]) -> dict[str, Any]:
    detail = sentence(deed.error_code) or str(job.get("detail") or deed.error_code)
    return deed_out(deed, job, detail)
