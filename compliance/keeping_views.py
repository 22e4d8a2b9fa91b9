"""Holds, retention and persons' data: pages of officers, and everybody's own export."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import SignedInRequest, compliance_required
from accounts.models import User
from audit.problems import Problem
from compliance import person, retention
from compliance.keeping_forms import EraseForm, HoldForm
from ingest import holds
from ingest.models import Collection, Hold

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@compliance_required
def holds_page(request: SignedInRequest) -> HttpResponse:
    """Holds with their state; the form places another."""
    form = HoldForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        chosen = {name: form.cleaned_data[name] for name in ("target", "target_id", "reference")}
        try:
            holds.place(request.user, **chosen)
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The hold stands. Nothing of it can be erased now."))
            return redirect("compliance:holds")
    found = Hold.objects.select_related("placed_by", "released_by").order_by("-placed_at", "id")
    rows = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "rows": rows,
        "names": _names(list(rows)),
        "waiting": holds.waiting().count(),
    }
    status = 422 if form.errors else 200
    return render(request, "compliance/holds.html", context, status=status)


@require_POST
@compliance_required
def hold_release(request: SignedInRequest, pk: UUID) -> HttpResponse:
    holds.release(request.user, pk)
    messages.success(request, _("The hold is released. What waited for it is erased now."))
    return redirect("compliance:holds")


@require_safe
@compliance_required
def retention_page(request: SignedInRequest) -> HttpResponse:
    """How long each kind is kept, its last purge, and what is past its time now."""
    return render(request, "compliance/retention.html", {"kinds": retention.standing()})


@require_POST
@compliance_required
def retention_apply(request: SignedInRequest) -> HttpResponse:
    """Purge now what the worker would purge within the hour."""
    applied = retention.purge_all()
    if not applied:
        messages.info(request, _("Everything is kept for ever, so nothing was to be done."))
    elif all(one.ok for one in applied):
        messages.success(request, _("Done: nothing is left that is past its time."))
    else:
        messages.warning(request, _("Not all of it went. The next purge goes on."))
    return redirect("compliance:retention")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@compliance_required
def person_page(request: SignedInRequest) -> HttpResponse:
    """Erase a person at her request, and show the receipt, this one time."""
    form = EraseForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        user: User = form.cleaned_data["email"]
        try:
            context["erased"] = person.erase(request.user, user)
        except Problem as problem:
            form.refuse(problem)
        else:
            return render(request, "compliance/person_erased.html", context)
    return render(request, "compliance/person.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
def own_data(request: SignedInRequest) -> FileResponse:
    """All that is kept about who asks, as a ZIP file."""
    made = person.export(request.user, request.user)
    return FileResponse(made, as_attachment=True, filename="my-data.zip")


def _names(rows: list[Hold]) -> dict[str, str]:
    """Names of held people and collections by id. Of documents, an officer sees the id."""
    keys = [row.target_id for row in rows if row.target_id]
    people = User.objects.filter(pk__in=keys).values_list("id", "email")
    collections = Collection.objects.filter(pk__in=keys).values_list("id", "name")
    return {str(pk): name for pk, name in [*people, *collections]}
