"""The pages of assistants: the list, one of them, and what its editors and owner do with it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from chat.assistant_access import (
    EDITOR,
    OWNER,
    assistants_for,
    get_assistant,
    open_and_closed,
    ownerless,
    role_on,
    roles_on,
)
from chat.assistant_forms import AssistantForm, AssistantGrantForm, of_draft, of_sample
from chat.assistant_samples import SAMPLES
from chat.assistants import (
    Wanted,
    archive,
    change_assistant,
    create_assistant,
    delete_assistant,
    draft_of,
    set_grants,
    take_over,
)
from chat.models import Assistant, AssistantGrant
from ingest.models import Collection
from ingest.pages import PageRequest, confirm

#: Shown at once.
LISTED = 60
#: Of those without an owner that are offered at once.
MOST_OWNERLESS = 50


@require_GET
def index(request: PageRequest) -> HttpResponse:
    """Those that one may use; archived ones with `?archived`, for who may change them."""
    archived = "archived" in request.GET
    found = assistants_for(request.user, EDITOR if archived else "user")
    found = found.filter(archived_at__isnull=not archived).select_related("owner")
    page = Paginator(found, LISTED).get_page(request.GET.get("page"))
    roles = roles_on(request.user, page)
    context = {
        "page": page,
        "tiles": [(each, roles.get(each.pk, "")) for each in page],
        "archived": archived,
        "has_archived": assistants_for(request.user, EDITOR)
        .filter(archived_at__isnull=False)
        .exists(),
        "ownerless": ownerless()[:MOST_OWNERLESS] if request.user.is_admin else [],
    }
    return render(request, "chat/assistants.html", context)


@require_http_methods(["GET", "POST"])
def new(request: PageRequest) -> HttpResponse:
    """An empty one, or with `?template=` one of SAMPLES."""
    sample = of_sample(request.GET.get("template", ""))
    form = AssistantForm(request.user, request.POST or None, initial=sample)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_assistant(request.user, form.draft())
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The assistant is there. Only you can use it so far."))
            return redirect("chat:assistant", pk=made.pk)
    context = {"form": form, "samples": SAMPLES.items()}
    return render(request, "chat/assistant_edit.html", context, status=_status(form))


@require_GET
def about(request: PageRequest, pk: UUID) -> HttpResponse:
    """What it is, and what of it is open to whoever looks."""
    found = get_assistant(request.user, pk)
    reached, closed = open_and_closed(request.user, found)
    context = {
        "assistant": found,
        "role": role_on(request.user, found),
        "collections": Collection.objects.filter(pk__in=[] if found.everywhere else reached),
        "closed": closed,
        "nowhere": not reached,
    }
    return render(request, "chat/assistant.html", context)


@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_assistant(request.user, pk, EDITOR)
    now = of_draft(draft_of(request.user, found))
    form = AssistantForm(request.user, request.POST or None, initial=now, kept=found.model)
    if request.method == "POST" and form.is_valid():
        try:
            change_assistant(request.user, found, form.draft())
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("Saved."))
            return redirect("chat:assistant", pk=pk)
    context = {
        "form": form,
        "assistant": found,
        "closed": open_and_closed(request.user, found)[1],
    }
    return render(request, "chat/assistant_edit.html", context, status=_status(form))


@require_http_methods(["GET", "POST"])
def access(request: PageRequest, pk: UUID) -> HttpResponse:
    """Who else may use it. A post lets somebody in, changes a role or, with an empty one, ends it."""
    found = get_assistant(request.user, pk, OWNER)
    if request.method == "GET":
        return _access(request, found, AssistantGrantForm())
    if "principal" in request.POST:
        return _granted(request, found, (request.POST["principal"], request.POST.get("role", "")))
    form = AssistantGrantForm(request.POST)
    if not form.is_valid():
        return _access(request, found, form)
    return _granted(request, found, (form.cleaned_data["principal"], form.cleaned_data["role"]))


@require_POST
def put_away(request: PageRequest, pk: UUID) -> HttpResponse:
    """Archive it; with `back` take it out again."""
    found = get_assistant(request.user, pk, OWNER)
    back = "back" in request.POST
    archive(request.user, found, archived=not back)
    said = _("It can be asked again.") if back else _("It is archived: nobody asks it any more.")
    messages.success(request, said)
    return redirect("chat:assistant", pk=pk)


@require_http_methods(["GET", "POST"])
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_assistant(request.user, pk, OWNER)
    if request.method == "POST":
        try:
            delete_assistant(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("chat:assistant", pk=pk)
        messages.success(request, _("The assistant was deleted."))
        return redirect("chat:assistants")
    return confirm(
        request,
        title=_("Delete this assistant?"),
        text=_(
            "“%(name)s” will be gone for everybody who may use it. Conversations stay, and go on "
            "without it."
        )
        % {"name": found.name},
        action=reverse("chat:assistant-delete", args=[pk]),
        button=_("Delete"),
        back=reverse("chat:assistant", args=[pk]),
    )


@require_POST
def take(request: PageRequest, pk: UUID) -> HttpResponse:
    """Own one whose owner has gone. For administrators."""
    found = take_over(request.user, pk)
    messages.success(request, _("This assistant is yours now."))
    return redirect("chat:assistant", pk=found.pk)


def _granted(request: PageRequest, found: Assistant, wanted: Wanted) -> HttpResponse:
    principal, role = wanted
    grants = {grant.principal: grant.role for grant in found.grants.all()}
    grants[principal] = role
    try:
        set_grants(request.user, found, [(who, held) for who, held in grants.items() if held])
    except Problem as problem:
        messages.error(request, str(problem.detail))
    else:
        messages.success(request, _("Saved."))
    return redirect("chat:assistant-access", pk=found.pk)


def _access(request: PageRequest, found: Assistant, form: AssistantGrantForm) -> HttpResponse:
    order = ("-everyone", "group__name", "user__email")
    context: dict[str, Any] = {
        "assistant": found,
        "grant_form": form,
        "grants": found.grants.select_related("user", "group").order_by(*order),
        "roles": AssistantGrant.Role.choices,
        "address": reverse("chat:assistant-access", args=[found.pk]),
    }
    return render(request, "chat/assistant_access.html", context, status=_status(form))


def _status(form: AssistantForm | AssistantGrantForm) -> int:
    return 422 if form.is_bound and form.errors else 200
