"""The record and what proves it over HTTP, for compliance officers: tokens with the scope `audit`."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils import timezone
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
from compliance.buttons import (
    as_pdf,
    downloaded,
    find_report,
    key_unusable,
    run_proof,
    run_report,
)
from compliance.exports import export
from compliance.forms import person_id
from compliance.keeping_api import router as keeping_router
from compliance.looks import looked
from compliance.prove import last
from compliance.report import bill_of, listed
from compliance.schemas import (
    EntryOut,
    Filters,
    Format,
    KeyOut,
    ProofOut,
    ReportOut,
    StateOut,
    VerdictOut,
    entry_out,
    report_out,
    sentence_out,
    verdict_out,
)
from compliance.state import sentences, worst

router = Router(tags=["compliance"])
router.add_router("", access_router)
router.add_router("", keeping_router)

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


@router.get("/audit/export", auth=AUDIT, summary="The record as a file, oldest first")
def get_export(
    request: SignedInRequest, filters: Query[Filters], format: Format = "jsonl"
) -> StreamingHttpResponse:
    """JSON lines hold what was hashed: the chain can be verified from them. It is recorded."""
    found, noted = found_entries(filters)
    return export(request, request.user, found, format, noted)


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
    return Status(201, run_proof(request.user).as_dict())


@router.get("/audit/proof", auth=AUDIT, response=ProofOut, summary="The last proof")
def get_proof(request: SignedInRequest) -> dict[str, Any]:
    """404 before the first."""
    found = last()
    if not found:
        raise Http404
    return found


@router.post("/audit/report", auth=AUDIT, response={201: ReportOut}, summary="Make a report")
def post_report(request: SignedInRequest) -> Status[dict[str, Any]]:
    """Prove, gather, sign: up to a minute. 409 `proof-running`, 503 `key-unusable`."""
    return Status(201, report_out(run_report(request.user)))


@router.get("/audit/reports", auth=AUDIT, response=list[ReportOut], summary="The signed reports")
def list_reports(request: SignedInRequest) -> list[dict[str, Any]]:
    """Those that lie here, the newest first."""
    return [report_out(each) for each in listed()]


@router.get("/audit/reports/{pk}", auth=AUDIT, summary="One signed report")
def get_report(request: SignedInRequest, pk: str) -> HttpResponse:
    """The file itself, byte for byte, as verify_report.py wants it. The download is recorded."""
    found = find_report(pk)
    downloaded(request.user, found, "report")
    return HttpResponse(found.path.read_bytes(), content_type="application/json")


@router.get("/audit/reports/{pk}/pdf", auth=AUDIT, summary="A report for paper")
def get_pdf(request: SignedInRequest, pk: str) -> HttpResponse:
    """In the language of `Accept-Language`. The download is recorded."""
    found = find_report(pk)
    downloaded(request.user, found, "pdf")
    return HttpResponse(as_pdf(found), content_type="application/pdf")


@router.get("/audit/reports/{pk}/bill", auth=AUDIT, summary="The bill of materials of a report")
def get_bill(request: SignedInRequest, pk: str) -> HttpResponse:
    """CycloneDX 1.6 as JSON. The download is recorded."""
    found = find_report(pk)
    bill = bill_of(found)
    if not bill.is_file():
        raise Http404
    downloaded(request.user, found, "bill")
    return HttpResponse(bill.read_bytes(), content_type="application/json")


@router.get("/audit/{uuid:pk}", auth=AUDIT, response=EntryOut, summary="One entry")
def get_entry(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """With its place in the chain and its digest."""
    found = Entry.objects.select_related("seal").filter(uuid=pk).first()
    if found is None:
        raise Http404
    looked(request.user, "entry", {"entry": str(found.uuid)})
    return entry_out(found)


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
