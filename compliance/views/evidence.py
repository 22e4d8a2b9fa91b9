"""The proof and the signed reports: made at the press of a button, kept, read, downloaded."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import SignedInRequest, compliance_required
from audit.problems import Problem
from compliance import prove as proving
from compliance import state_wall
from compliance.buttons import as_pdf, downloaded, find_report, run_proof, run_report
from compliance.judge import PROBLEMS
from compliance.report import bill_of, listed
from compliance.signing import ReportFile
from compliance.state import as_time

#: Reports that the page lists; the others lie in the folder.
LISTED = 24


@require_POST
@compliance_required
def prove(request: SignedInRequest) -> HttpResponse:
    """Try to break out of every process now; the answer comes when all have tried."""
    try:
        run_proof(request.user)
    except Problem as problem:
        return _refused(request, problem, "prove")
    if request.headers.get("HX-Request"):
        context = {"proof": last_proof(), "fresh": True, "sentence": state_wall.proof()}
        return render(request, "compliance/proved.html", context)
    return redirect(f"{reverse('compliance:overview')}#prove")


@require_POST
@compliance_required
def make(request: SignedInRequest) -> HttpResponse:
    """Prove, gather, sign: a new report, and the list with it."""
    try:
        made = run_report(request.user)
    except Problem as problem:
        return _refused(request, problem, "reports")
    if request.headers.get("HX-Request"):
        context = {"reports": listed_reports(), "made": made}
        return render(request, "compliance/_report_list.html", context)
    return redirect("compliance:report", pk=made.id)


def _refused(request: SignedInRequest, problem: Problem, section: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "compliance/_notice.html", {"detail": problem.detail})
    messages.error(request, str(problem.detail))
    return redirect(f"{reverse('compliance:overview')}#{section}")


@require_safe
@compliance_required
def report(request: SignedInRequest, pk: str) -> HttpResponse:
    """A report as a page: what it says, in the order in which it says it."""
    found = _found(pk)
    content = found.content()
    context = {
        "file": found,
        "report": content,
        "made_at": as_time(found.made_at),
        "proof": shown_proof(content["proof"]),
        "proof_at": as_time(str(content["proof"].get("at", ""))),
    }
    return render(request, "compliance/report.html", context)


@require_safe
@compliance_required
def report_file(request: SignedInRequest, pk: str) -> HttpResponse:
    """The signed report itself, byte for byte."""
    found = _found(pk)
    downloaded(request.user, found, "report")
    return attached(found.path.read_bytes(), found.path.name, "application/json")


@require_safe
@compliance_required
def report_pdf(request: SignedInRequest, pk: str) -> HttpResponse:
    """The report for paper, in the language of who asks; it names the hash of the signed file."""
    found = _found(pk)
    downloaded(request.user, found, "pdf")
    return attached(as_pdf(found), f"{found.id}.pdf", "application/pdf")


@require_safe
@compliance_required
def report_bill(request: SignedInRequest, pk: str) -> HttpResponse:
    """The bill of materials that belongs to a report."""
    found = _found(pk)
    bill = bill_of(found)
    if not bill.is_file():
        raise Http404
    downloaded(request.user, found, "bill")
    return attached(bill.read_bytes(), bill.name, "application/json")


def _found(pk: str) -> ReportFile:
    try:
        return find_report(pk)
    except Problem as problem:
        raise Http404 from problem


def attached(data: bytes, name: str, kind: str) -> HttpResponse:
    """Bytes that the browser saves and does not show."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(data, content_type=kind, headers=headers)


def listed_reports() -> list[dict[str, Any]]:
    """The newest reports, each with its time."""
    return [{"file": each, "at": as_time(each.made_at)} for each in listed()[:LISTED]]


def last_proof() -> dict[str, Any]:
    """The last proof for the page; {} before the first."""
    return shown_proof(proving.last())


def shown_proof(found: Mapping[str, Any]) -> dict[str, Any]:
    """A proof with counts by process and by layer, and the problems in words; {} for none."""
    if not found:
        return {}
    silent = [
        {"name": each.get("kind", ""), "problems": [_(PROBLEMS["silent"])]}
        for each in found.get("silent", [])
    ]
    layers = Counter(
        str(probe.get("layer", ""))
        for process in found.get("processes", [])
        for probe in process.get("probes", [])
        if probe.get("refused")
    )
    rows = [_process(each) for each in found.get("processes", [])]
    return {**found, "rows": rows, "quiet": silent, "layers": layers.most_common()}


def _process(found: Mapping[str, Any]) -> dict[str, Any]:
    probes = found.get("probes", [])
    return {
        "name": found.get("name", ""),
        "pid": found.get("pid"),
        "how": found.get("how", ""),
        "facts": found.get("facts", {}),
        "probes": probes,
        "refused": sum(1 for probe in probes if probe.get("refused")),
        "problems": [_(PROBLEMS[code]) for code in found.get("problems", []) if code in PROBLEMS],
    }
