"""What a manager does with a collection: rename, let people in, delete. And who has none, gets one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.http import admin_required
from audit.problems import Problem
from ingest.access import MANAGER, collections_for, get_collection
from ingest.collections import CollectionRefused, Wanted, change_collection, set_grants
from ingest.erase import erase_collection
from ingest.forms import CollectionForm, GrantForm
from ingest.models import Collection, Grant
from ingest.pages import PageRequest, confirm
from ingest.unmanaged import take_over, unmanaged

PAGE = 50


@require_http_methods(["GET", "POST"])
def settings_page(request: PageRequest, pk: UUID) -> HttpResponse:
    """Name and description, and who may use the collection."""
    found = get_collection(request.user, pk, MANAGER)
    form = CollectionForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        try:
            change_collection(request.user, found, **form.cleaned_data)
        except CollectionRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, _("Saved."))
            return redirect("ingest:collection-settings", pk=pk)
    return _page(request, get_collection(request.user, pk, MANAGER), form=form)


@require_POST
def change_grant(request: PageRequest, pk: UUID) -> HttpResponse:
    """Let somebody in (the form), change a role, or, with an empty role, shut somebody out."""
    found = get_collection(request.user, pk, MANAGER)
    if "principal" in request.POST:
        wanted = request.POST["principal"], request.POST.get("role", "")
        return _granted(request, found, wanted)
    form = GrantForm(request.POST)
    if not form.is_valid():
        return _page(request, found, grant_form=form, status=422)
    wanted = form.cleaned_data["principal"], form.cleaned_data["role"]
    return _granted(request, found, wanted)


@require_http_methods(["GET", "POST"])
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_collection(request.user, pk, MANAGER)
    if request.method == "POST":
        try:
            erase_collection(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("ingest:collection", pk=pk)
        messages.success(request, _("The collection and its documents are being erased."))
        return redirect("ingest:collections")
    return confirm(
        request,
        title=_("Delete this collection?"),
        text=_("“%(name)s” and its %(count)d documents will be erased for good, for everyone.")
        % {"name": found.name, "count": found.documents.count()},
        action=reverse("ingest:collection-delete", args=[pk]),
        button=_("Erase everything"),
        back=reverse("ingest:collection-settings", args=[pk]),
    )


@require_GET
@admin_required
def unmanaged_page(request: PageRequest) -> HttpResponse:
    """Collections that nobody manages any more, for administrators."""
    page = Paginator(unmanaged(request.user), PAGE).get_page(request.GET.get("page"))
    return render(request, "ingest/unmanaged.html", {"page": page})


@require_POST
@admin_required
def take(request: PageRequest, pk: UUID) -> HttpResponse:
    found = take_over(request.user, pk)
    messages.success(request, _("You manage this collection now."))
    return redirect("ingest:collection-settings", pk=found.pk)


def _granted(request: PageRequest, found: Collection, wanted: Wanted) -> HttpResponse:
    principal, role = wanted
    grants = {grant.principal: grant.role for grant in found.grants.all()}
    grants[principal] = role
    try:
        set_grants(request.user, found, [(who, held) for who, held in grants.items() if held])
    except CollectionRefused as refused:
        messages.error(request, str(refused.detail))
    else:
        messages.success(request, _("Saved."))
    if not collections_for(request.user, MANAGER).filter(pk=found.pk).exists():
        return redirect("ingest:collections")
    return redirect("ingest:collection-settings", pk=found.pk)


def _page(
    request: PageRequest,
    found: Collection,
    *,
    form: CollectionForm | None = None,
    grant_form: GrantForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "collection": found,
        "form": form or CollectionForm(instance=found),
        "grant_form": grant_form or GrantForm(),
        "grants": found.grants.select_related("user", "group").order_by(
            "-everyone", "group__name", "user__email"
        ),
        "roles": Grant.Role.choices,
        "address": reverse("ingest:grants", args=[found.pk]),
    }
    return render(request, "ingest/settings.html", context, status=status)
