"""What an officer sees first: plain sentences, each with its state, its evidence and its time."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest, compliance_required
from audit import keys
from compliance.officers import officers
from compliance.state import as_time, sentences, worst
from compliance.state_record import grouped
from compliance.views.evidence import attached, last_proof, listed_reports
from wall import status

#: The verifier as it lies here: one file that an officer reads, copies and runs elsewhere.
VERIFIER = Path(__file__).resolve().parent.parent / "verify_report.py"


@require_safe
@compliance_required
def overview(request: SignedInRequest) -> HttpResponse:
    found = sentences()
    proof = last_proof()
    wall = status.read(Path(settings.RUN_DIR))
    context = {
        "sentences": found,
        "worst": worst(found),
        "officers": officers(),
        "proof": proof,
        "reports": listed_reports(),
        "proof_at": as_time(proof.get("at", "")),
        "holder": wall.holder if wall else None,
        "now": timezone.now(),
    }
    return render(request, "compliance/overview.html", context)


@require_safe
@compliance_required
def fingerprint(request: SignedInRequest) -> HttpResponse:
    """The installation's fingerprint and public key, to print and keep elsewhere."""
    context = {
        "fingerprint": grouped(keys.fingerprint()),
        "pem": keys.public_pem(),
        "address": request.get_host(),
        "now": timezone.now(),
    }
    return render(request, "compliance/fingerprint.html", context)


@require_safe
@compliance_required
def key(request: SignedInRequest) -> HttpResponse:
    return attached(keys.public_pem().encode(), "key.pem", "application/x-pem-file")


@require_safe
@compliance_required
def verifier(request: SignedInRequest) -> HttpResponse:
    return attached(VERIFIER.read_bytes(), VERIFIER.name, "text/x-python; charset=utf-8")
