"""People, for administrators."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import EditPersonForm, PersonForm, SearchForm
from accounts.http import SignedInRequest, admin_required
from accounts.models import User
from accounts.people import (
    change_user,
    create_user,
    delete_user,
    get_user,
    reset_link,
    search_users,
)
from audit.problems import Problem

ROWS = 50


@require_safe
@admin_required
def users(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"].strip() if form.is_valid() else ""
    found = search_users(words).prefetch_related("groups")
    rows = Paginator(found, ROWS).get_page(request.GET.get("page"))
    query = urlencode({"q": words}) if words else ""
    return render(request, "accounts/users.html", {"form": form, "rows": rows, "query": query})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def invite(request: SignedInRequest) -> HttpResponse:
    """Make a person and show the invitation's link, this one time."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = create_user(
                request.user, **data | {"groups": [group.pk for group in data["groups"]]}
            )
        except Problem as problem:
            form.refuse(problem)
        else:
            return _link_page(request, made.user, made.link or "")
    return render(
        request, "accounts/invite.html", {"form": form}, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def user(request: SignedInRequest, pk: UUID) -> HttpResponse:
    person = get_user(request.user, pk)
    form = EditPersonForm(
        request.POST if request.method == "POST" else None, initial=_initial(person)
    )
    if form.is_valid() and _change(request, person, form):
        messages.success(request, _("The changes are saved."))
        return redirect("accounts:user", pk=pk)
    context = {"form": form, "person": User.objects.get(pk=pk)}
    return render(request, "accounts/user.html", context, status=422 if form.errors else 200)


def _initial(person: User) -> dict[str, Any]:
    fields = ("email", "name", "is_active", "is_admin", "is_compliance")
    return {field: getattr(person, field) for field in fields} | {"groups": person.groups.all()}


def _change(request: SignedInRequest, person: User, form: EditPersonForm) -> bool:
    """Only what was changed is sent on: two administrators at work do not undo each other."""
    changes = {field: form.cleaned_data[field] for field in form.changed_data}
    if "groups" in changes:
        changes["groups"] = [group.pk for group in changes["groups"]]
    try:
        change_user(request.user, person, **changes)
    except Problem as problem:
        form.refuse(problem)
        return False
    return True


@never_cache
@require_POST
@admin_required
def reset(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Make a link by which this person sets a new password, and show it, this one time."""
    person = get_user(request.user, pk)
    try:
        path = reset_link(request.user, person)
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("accounts:user", pk=pk)
    return _link_page(request, person, path)


@require_POST
@admin_required
def delete(request: SignedInRequest, pk: UUID) -> HttpResponse:
    try:
        delete_user(request.user, get_user(request.user, pk))
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("accounts:user", pk=pk)
    messages.success(
        request,
        _(
            "The account is deleted. Its collections are kept: see below whether one has no manager now."
        ),
    )
    return redirect("accounts:users")


def _link_page(request: HttpRequest, person: User, path: str) -> HttpResponse:
    context = {"person": person, "address": request.build_absolute_uri(path)}
    return render(request, "accounts/link_made.html", context)
