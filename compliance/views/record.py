"""The record: its list with filters, one entry, its days as charts. Each look is recorded."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import SignedInRequest, compliance_required
from accounts.paging import page
from audit.keys import KeyUnusable
from audit.models import Entry
from audit.problems import Problem
from audit.verify import verified
from compliance.entries import shown
from compliance.exports import export
from compliance.forms import DaysForm, ExportForm, RecordForm
from compliance.looks import looked
from compliance.timeline import charts

ROWS = 50
FIELDS = ("action", "actor", "target", "since", "until")


@require_safe
@compliance_required
def record(request: SignedInRequest) -> HttpResponse:
    """The newest entries that fit the filters; `?cursor=` goes on to older ones."""
    form = RecordForm(request.GET)
    found, cursor = form.found(), request.GET.get("cursor", "")
    try:
        rows, following = page(found, cursor or None, ROWS, key=("-id",))
    except Problem:
        rows, following = page(found, None, ROWS, key=("-id",))
    context: dict[str, Any] = {
        "form": form,
        "rows": shown(rows),
        "following": following,
        "later": bool(cursor),
        "query": urlencode({key: request.GET[key] for key in FIELDS if request.GET.get(key)}),
        "export": ExportForm(auto_id="export_%s"),
        "chosen": [(key, request.GET[key]) for key in FIELDS if request.GET.get(key)],
        "filtered": form.is_valid() and bool(form.filters),
    }
    if form.is_valid():
        looked(request.user, "list", {**form.noted(), "entries": len(rows)})
    status = 422 if form.errors else 200
    return render(request, "compliance/record.html", context, status=status)


@require_safe
@compliance_required
def entry(request: SignedInRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Entry.objects.select_related("seal"), uuid=pk)
    looked(request.user, "entry", {"entry": str(found.uuid)})
    return render(request, "compliance/entry.html", {"row": shown([found])[0], "entry": found})


@require_POST
@compliance_required
def export_record(request: SignedInRequest) -> HttpResponseBase:
    """What the filters leave, as a file. It is recorded before the first line goes."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Correct the filters first, then export."))
        return redirect("compliance:record")
    return export(request, request.user, form.found(), form.cleaned_data["format"], form.noted())


@require_POST
@compliance_required
def verify(request: SignedInRequest) -> HttpResponse:
    """Walk the whole chain now and say what was found: a fragment for htmx, else a page."""
    try:
        verdict, trouble = verified(request.user), ""
    except KeyUnusable:
        verdict, trouble = None, _("The signing key cannot be read. Tell your administrator.")
    context = {"verdict": verdict, "trouble": trouble, "now": timezone.now()}
    htmx = request.headers.get("HX-Request")
    template = "compliance/_verdict.html" if htmx else "compliance/verified.html"
    return render(request, template, context)


@require_safe
@compliance_required
def timeline(request: SignedInRequest) -> HttpResponse:
    form = DaysForm(request.GET if "days" in request.GET else {"days": "30"})
    days = form.cleaned_data["days"] if form.is_valid() else 30
    looked(request.user, "timeline", {"days": days})
    context = {"form": form, "charts": charts(days), "days": days}
    return render(request, "compliance/timeline.html", context)
