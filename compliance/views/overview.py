"""What an officer sees first: plain sentences, each with its state, its evidence and its time."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest, compliance_required
from compliance.officers import officers


@require_safe
@compliance_required
def overview(request: SignedInRequest) -> HttpResponse:
    return render(request, "compliance/overview.html", {"officers": officers()})
