"""Groups, for administrators."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import GroupForm, SearchForm
from accounts.groups import (
    add_member,
    change_group,
    create_group,
    delete_group,
    get_group,
    remove_member,
)
from accounts.http import SignedInRequest, admin_required
from accounts.models import Group
from accounts.people import search_users
from audit.problems import Problem

#: Members on one page, and people that a search offers.
ROWS = 50
OFFERED = 20


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def groups(request: SignedInRequest) -> HttpResponse:
    form = GroupForm(request.POST if request.method == "POST" else None)
    made = _save(request, form, None) if form.is_valid() else None
    if made is not None:
        messages.success(request, _("The group is made. Add its members."))
        return redirect("accounts:group", pk=made.pk)
    context = {"form": form, "groups": Group.objects.annotate(size=Count("users"))}
    return render(request, "accounts/groups.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def group(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Its name, who is in it, and people to add that `?q=` finds."""
    found = get_group(request.user, pk)
    form = GroupForm(
        request.POST if request.method == "POST" else None, initial={"name": found.name}
    )
    if form.is_valid() and _save(request, form, found):
        messages.success(request, _("The changes are saved."))
        return redirect("accounts:group", pk=pk)
    context = {"form": form, "group": Group.objects.get(pk=pk), **_people(request, found)}
    return render(request, "accounts/group.html", context, status=422 if form.errors else 200)


def _people(request: SignedInRequest, found: Group) -> dict[str, Any]:
    search = SearchForm(request.GET)
    words = search.cleaned_data["q"].strip() if search.is_valid() else ""
    others = search_users(words).exclude(groups=found)[:OFFERED] if words else []
    rows = Paginator(found.users.all(), ROWS).get_page(request.GET.get("page"))
    query = urlencode({"q": words}) if words else ""
    return {"search": search, "words": words, "others": others, "rows": rows, "query": query}


def _save(request: SignedInRequest, form: GroupForm, found: Group | None) -> Group | None:
    """The group, made or renamed; None where the form has to be shown again."""
    name = form.cleaned_data["name"]
    try:
        if found is None:
            return create_group(request.user, name=name)
        return change_group(request.user, found, name=name)
    except Problem as problem:
        form.refuse(problem)
        return None


@require_POST
@admin_required
def member(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Put `person` into the group, or, with `remove`, take them out."""
    move = remove_member if "remove" in request.POST else add_member
    try:
        person = move(request.user, get_group(request.user, pk), request.POST.get("person", ""))
    except Problem as problem:
        messages.error(request, str(problem.detail))
    else:
        said = (
            _("%(email)s is no longer in the group.")
            if "remove" in request.POST
            else _("%(email)s is in the group now.")
        )
        messages.success(request, said % {"email": person.email})
    return redirect("accounts:group", pk=pk)


@require_POST
@admin_required
def delete(request: SignedInRequest, pk: UUID) -> HttpResponse:
    delete_group(request.user, get_group(request.user, pk))
    messages.success(request, _("The group is deleted, with what was granted to it."))
    return redirect("accounts:groups")
