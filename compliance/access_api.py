"""The three questions about access over HTTP. Each is recorded, as on the page."""

from typing import Annotated, Any
from uuid import UUID

from ninja import Query, Router

from accounts.auth import requires
from accounts.forms import Form
from accounts.http import SignedInRequest
from audit.problems import Problem
from compliance import access
from compliance.access import Reach, Reading, Way
from compliance.forms import ReachForm, ReadForm, WhyForm
from compliance.looks import explained
from compliance.schemas import ReachOut, ReadingsOut, WaysOut
from ingest.models import Collection, Document

router = Router(tags=["compliance"])

AUDIT = requires("audit")
Asked = Annotated[str, Query(max_length=254, pattern=r"^[^\x00]*$")]


@router.get("/audit/readings", auth=AUDIT, response=ReadingsOut, summary="Who read this document")
def readings(request: SignedInRequest, subject: Asked) -> dict[str, Any]:
    """`subject`: the id of a document, there or erased; or a collection's id or whole name.

    `complete` is false where there are more answers and searches than the newest `looked_through`.
    """
    about = _checked(ReadForm({"subject": subject}))["subject"]
    if isinstance(about, Collection):
        explained(request.user, "read", "collection", about.pk)
        wanted = list(Document.objects.filter(collection=about).values_list("id", flat=True))
    else:
        explained(request.user, "read", "document", about)
        wanted = [about]
    found = access.who_read(wanted)
    return {
        "items": [_reading(each) for each in found.people],
        "complete": found.complete,
        "looked_through": access.LOOKED_THROUGH,
    }


@router.get("/audit/ways", auth=AUDIT, response=WaysOut, summary="Why a person can read it")
def ways(request: SignedInRequest, person: Asked, subject: Asked) -> dict[str, Any]:
    """`person`: an e-mail or an id. No way: the person cannot read it."""
    asked = _checked(WhyForm({"person": person, "subject": subject}))
    user, about = asked["person"], asked["subject"]
    collection = about if isinstance(about, Collection) else access.collection_of(about)
    kind = "collection" if isinstance(about, Collection) else "document"
    key = about.pk if isinstance(about, Collection) else about
    explained(request.user, "why", kind, key, {"person": str(user.pk)})
    found = access.ways(user, collection) if collection else []
    return {
        "person": user.pk,
        "collection": collection and _collection(collection),
        "ways": [_way(each) for each in found],
    }


@router.get("/audit/reach", auth=AUDIT, response=list[ReachOut], summary="What a person can read")
def reach(request: SignedInRequest, person: Asked) -> list[dict[str, Any]]:
    """`person`: an e-mail or an id."""
    user = _checked(ReachForm({"person": person}))["person"]
    explained(request.user, "reach", "user", user.pk)
    return [_reach(each) for each in access.reach(user)]


def _checked(form: Form) -> dict[str, Any]:
    if form.is_valid():
        return form.cleaned_data
    errors = [
        {"field": field, "message": str(message)}
        for field, messages in form.errors.items()
        for message in messages
    ]
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    raise Problem(422, "invalid", detail, extra={"errors": errors})


def _reading(found: Reading) -> dict[str, Any]:
    return {
        "person": found.actor or None,
        "email": found.user.email if found.user else None,
        "opened": found.opened,
        "downloaded": found.downloaded,
        "answers": found.answered,
        "searches": found.searched,
        "first": found.first,
        "last": found.last,
    }


def _collection(found: Collection) -> dict[str, Any]:
    return {"id": found.pk, "name": found.name}


def _way(found: Way) -> dict[str, Any]:
    by: UUID | None = found.by.pk if found.by else None
    return {
        "how": found.how,
        "role": found.role,
        "group": found.group or None,
        "since": found.since,
        "by": by,
    }


def _reach(found: Reach) -> dict[str, Any]:
    return {
        "collection": _collection(found.collection),
        "role": found.role,
        "ways": [_way(each) for each in found.ways],
    }
