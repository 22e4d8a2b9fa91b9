"""The record and what proves it over HTTP, for compliance officers: tokens with the scope `audit`."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from accounts.api import Cursor, Limit
from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.paging import DEFAULT_LIMIT, Paged, page
from audit import keys
from audit.models import Entry
from audit.problems import Problem
from audit.queries import entries
from audit.verify import verified
from compliance.access_api import router as access_router
from compliance.forms import person_id
from compliance.looks import looked
from compliance.prove import last
from compliance.schemas import (
    EntryOut,
    Filters,
    KeyOut,
    ProofOut,
    StateOut,
    VerdictOut,
    entry_out,
    sentence_out,
    verdict_out,
)
from compliance.state import sentences, worst
from compliance.views.evidence import run

router = Router(tags=["compliance"])
router.add_router("", access_router)

AUDIT = requires("audit")


@router.get("/audit", auth=AUDIT, response=Paged[EntryOut], summary="The record, newest first")
def list_entries(
    request: SignedInRequest,
    filters: Query[Filters],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """The look is recorded with its filters."""
    found, noted = found_entries(filters)
    rows, following = page(found.select_related("seal"), cursor, limit, key=("-id",))
    looked(request.user, "list", {**noted, "entries": len(rows)})
    return {"items": [entry_out(row) for row in rows], "next_cursor": following}


@router.get("/audit/state", auth=AUDIT, response=StateOut, summary="What the officer's page says")
def get_state(request: SignedInRequest) -> dict[str, Any]:
    """Plain sentences, each with its state: for whoever watches many installations."""
    found = sentences()
    said = [sentence_out(sentence) for sentence in found]
    return {"state": worst(found), "at": timezone.now(), "sentences": said}


@router.get("/audit/key", auth=AUDIT, response=KeyOut, summary="The key that signs")
def get_key(request: SignedInRequest) -> dict[str, str]:
    try:
        return {"fingerprint": keys.fingerprint(), "pem": keys.public_pem()}
    except keys.KeyUnusable as error:
        raise key_unusable() from error


@router.get("/audit/verify", auth=AUDIT, response=VerdictOut, summary="Is the record intact?")
def get_verdict(request: SignedInRequest) -> dict[str, Any]:
    """Walks the whole chain and holds it to the signed checkpoints; an entry says so."""
    try:
        return verdict_out(verified(request.user))
    except keys.KeyUnusable as error:
        raise key_unusable() from error


@router.post("/audit/proof", auth=AUDIT, response={201: ProofOut}, summary="Prove now")
def post_proof(request: SignedInRequest) -> Status[dict[str, Any]]:
    """Every process tries to break out: up to a minute. 409 `proof-running` while another is made."""
    return Status(201, run(request.user).as_dict())


@router.get("/audit/proof", auth=AUDIT, response=ProofOut, summary="The last proof")
def get_proof(request: SignedInRequest) -> dict[str, Any]:
    """404 before the first."""
    found = last()
    if not found:
        raise Http404
    return found


@router.get("/audit/{uuid:pk}", auth=AUDIT, response=EntryOut, summary="One entry")
def get_entry(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """With its place in the chain and its digest."""
    found = Entry.objects.select_related("seal").filter(uuid=pk).first()
    if found is None:
        raise Http404
    looked(request.user, "entry", {"entry": str(found.uuid)})
    return entry_out(found)


def key_unusable() -> Problem:
    detail = _("The signing key cannot be read. Tell your administrator.")
    return Problem(503, "key-unusable", detail)


def found_entries(filters: Filters) -> tuple[QuerySet[Entry], dict[str, str]]:
    """The entries that fit, and the filters as the record notes them: ids, no e-mails."""
    try:
        actor = person_id(filters.actor)
    except ValidationError as error:
        raise Problem(422, "no-such-user", " ".join(error.messages)) from error
    target = filters.target.strip().lower()
    since, until = filters.since, filters.until
    found = entries(action=filters.action, actor=actor, target=target, since=since, until=until)
    noted = {"action": filters.action, "actor": actor, "target": target}
    times = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    return found, {key: value for key, value in {**noted, **times}.items() if value}
