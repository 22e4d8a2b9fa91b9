"""Pages of exports and imports: begun, followed, downloaded, confirmed, given up."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from ingest.access import MANAGER, get_collection
from ingest.models import Transfer
from ingest.moving import jobs
from ingest.moving.api import archive_of
from ingest.pages import PageRequest, page_or_fragment

Kind = Transfer.Kind
SHOWN = 10


@require_http_methods(["GET", "POST"])
def exports(request: PageRequest, pk: UUID) -> HttpResponse:
    """One's own exports of a collection; POST begins one."""
    found = get_collection(request.user, pk, MANAGER)
    if request.method == "POST":
        jobs.begin_export(request.user, found)
        return redirect("ingest:exports", pk=pk)
    rows = list(jobs.mine(request.user, Kind.EXPORT).filter(collection=found)[:SHOWN])
    context = {
        "collection": found,
        "transfers": [(row, jobs.ends_at(row)) for row in rows],
        "works": any(row.status in ("queued", "running") for row in rows),
        "hours": settings.EXPORT_HOURS,
    }
    return page_or_fragment(request, "ingest/exports.html", "ingest/_exports.html", context)


@require_GET
def content(request: PageRequest, pk: UUID) -> HttpResponseBase:
    """The archive; where it is gone, its page says so."""
    found = jobs.of(request.user, pk, Kind.EXPORT)
    try:
        return archive_of(request, request.user, pk)
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("ingest:exports", pk=found.collection_id)


@require_POST
def remove_export(request: PageRequest, pk: UUID) -> HttpResponse:
    found = jobs.of(request.user, pk, Kind.EXPORT)
    jobs.give_up(request.user, found)
    messages.success(request, _("The export is gone."))
    return redirect("ingest:exports", pk=found.collection_id)


@require_http_methods(["GET", "POST"])
def imports(request: PageRequest) -> HttpResponse:
    """Send an archive; one's own imports."""
    if request.method == "POST" and (file := request.FILES.get("file")):
        try:
            made = jobs.begin_import(request.user, file)  # type: ignore[arg-type]
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("ingest:imports")
        return redirect("ingest:import", pk=made.pk)
    rows = jobs.mine(request.user, Kind.IMPORT)[:SHOWN]
    context = {"transfers": rows, "most_gb": settings.IMPORT_MAX_GB}
    status = 422 if request.method == "POST" else 200
    return render(request, "ingest/imports.html", context, status=status)


@require_GET
def one_import(request: PageRequest, pk: UUID) -> HttpResponse:
    found = jobs.of(request.user, pk, Kind.IMPORT)
    context = {"transfer": found, "works": found.status in ("queued", "running")}
    return page_or_fragment(request, "ingest/import.html", "ingest/_import.html", context)


@require_POST
def confirm_import(request: PageRequest, pk: UUID) -> HttpResponse:
    """The button names how many documents it is about."""
    found = jobs.of(request.user, pk, Kind.IMPORT)
    said = request.POST.get("erased", "")
    try:
        jobs.confirm(request.user, found, int(said) if said.isascii() and said.isdigit() else -1)
    except Problem as problem:
        messages.error(request, str(problem.detail))
    return redirect("ingest:import", pk=pk)


@require_POST
def give_up_import(request: PageRequest, pk: UUID) -> HttpResponse:
    jobs.give_up(request.user, jobs.of(request.user, pk, Kind.IMPORT))
    messages.success(request, _("The import was given up; nothing of it is left."))
    return redirect("ingest:imports")
