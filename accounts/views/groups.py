"""Groups, for administrators."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import GroupForm
from accounts.groups import change_group, create_group, delete_group, get_group
from accounts.http import SignedInRequest, admin_required
from accounts.models import Group
from audit.problems import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def groups(request: SignedInRequest) -> HttpResponse:
    form = GroupForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _save(request, form, None):
        messages.success(request, _("The group is made."))
        return redirect("accounts:groups")
    context = {"form": form, "groups": Group.objects.annotate(size=Count("users"))}
    return render(request, "accounts/groups.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def group(request: SignedInRequest, pk: UUID) -> HttpResponse:
    found = get_group(request.user, pk)
    initial = {"name": found.name, "members": found.users.all()}
    form = GroupForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _save(request, form, found):
        messages.success(request, _("The changes are saved."))
        return redirect("accounts:group", pk=pk)
    context = {"form": form, "group": Group.objects.get(pk=pk)}
    return render(request, "accounts/group.html", context, status=422 if form.errors else 200)


def _save(request: SignedInRequest, form: GroupForm, found: Group | None) -> bool:
    name = form.cleaned_data["name"]
    members = [person.pk for person in form.cleaned_data["members"]]
    try:
        if found is None:
            create_group(request.user, name=name, members=members)
        else:
            change_group(request.user, found, name=name, members=members)
    except Problem as problem:
        form.refuse(problem)
        return False
    return True


@require_POST
@admin_required
def delete(request: SignedInRequest, pk: UUID) -> HttpResponse:
    delete_group(request.user, get_group(request.user, pk))
    messages.success(request, _("The group is deleted, with what was granted to it."))
    return redirect("accounts:groups")
