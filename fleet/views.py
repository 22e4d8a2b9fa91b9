"""The models pages, for administrators: what is here, one model, and long work as it goes on."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.http import admin_required
from audit.problems import Problem
from fleet import deeds, servers, words
from fleet.forms import AddForm, TryForm
from fleet.models import Deed
from ingest.pages import PageRequest, confirm, page_or_fragment


def for_admins(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """For administrators; where the models process cannot be asked, a page that says so."""

    @admin_required
    @wraps(view)
    def inner(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            reason = {"reason": problem.detail}
            return render(request, "fleet/away.html", reason, status=problem.status)

    return inner


@require_GET
@for_admins
def shelf(request: PageRequest) -> HttpResponse:
    """All models; htmx gets the list alone."""
    listed = deeds.shelf(request.user)
    return page_or_fragment(
        request, "fleet/shelf.html", "fleet/_shelf.html", _listed(request, listed)
    )


@require_http_methods(["GET", "POST"])
@for_admins
def add(request: PageRequest) -> HttpResponse:
    """Register a file of the server, or one that static/js/fleet.js has uploaded."""
    data = request.POST if request.method == "POST" else None
    form = AddForm(deeds.shelf(request.user), data)
    if form.is_valid():
        try:
            deed = deeds.begin(request.user, Deed.Kind.ADD, **form.wanted)
        except Problem as problem:
            form.add_error(None, str(problem.detail))
        else:
            return redirect("fleet:job", pk=deed.pk)
    status = 422 if form.errors else 200
    return render(request, "fleet/add.html", {"form": form}, status=status)


@require_GET
@for_admins
def model(request: PageRequest, name: str) -> HttpResponse:
    """One model: what it is, whether it fits, what was done with it, and what can be."""
    row, listed = deeds.model(request.user, name)
    context = {
        "model": words.shown(row),
        "switchable": listed["switchable"],
        "adapters": [words.shown(each) for each in listed["models"] if each["base"] == name],
        "deeds": [each for each in deeds.recent(request.user) if each.model == name],
        "form": TryForm(),
    }
    return render(request, "fleet/model.html", context)


@require_GET
@for_admins
def job(request: PageRequest, pk: UUID) -> HttpResponse:
    """How far it is; htmx gets what changes until it is over."""
    deed, found = deeds.get(request.user, pk)
    context = words.deed(deed, found)
    return page_or_fragment(request, "fleet/job.html", "fleet/_job.html", context)


@require_POST
@for_admins
def stop(request: PageRequest, pk: UUID) -> HttpResponse:
    """No more of a try or a measurement."""
    return _do(request, reverse("fleet:job", args=[pk]), lambda: deeds.stop(request.user, pk))


@require_POST
@for_admins
def verify(request: PageRequest, name: str) -> HttpResponse:
    return _begun(request, name, Deed.Kind.VERIFY)


@require_POST
@for_admins
def measure(request: PageRequest, name: str) -> HttpResponse:
    return _begun(request, name, Deed.Kind.MEASURE)


@require_POST
@for_admins
def try_it(request: PageRequest, name: str) -> HttpResponse:
    form = TryForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Write a question of up to 4,000 characters."))
        return redirect("fleet:model", name=name)
    return _begun(request, name, Deed.Kind.TRY, question=form.cleaned_data["question"])


@require_http_methods(["GET", "POST"])
@for_admins
def activate(request: PageRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        return _begun(request, name, Deed.Kind.ACTIVATE)
    deeds.model(request.user, name)
    return confirm(
        request,
        title=_("Let answers come from %(model)s?") % {"model": name},
        text=_(
            "Answers that are being written end with the model that began them. If this one cannot be "
            "loaded, the old one goes on. You can roll back afterwards."
        ),
        action=reverse("fleet:activate", args=[name]),
        button=_("Activate"),
        back=reverse("fleet:model", args=[name]),
    )


@require_http_methods(["GET", "POST"])
@for_admins
def rollback(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        return _do(
            request, reverse("fleet:shelf"), lambda: deeds.begin(request.user, Deed.Kind.ROLLBACK)
        )
    before = deeds.shelf(request.user)["before"]
    if not before:
        messages.info(request, _("No other model was active before this one."))
        return redirect("fleet:shelf")
    return confirm(
        request,
        title=_("Go back to %(model)s?") % {"model": before},
        text=_("Answers that are being written end with the model that began them."),
        action=reverse("fleet:rollback"),
        button=_("Roll back"),
        back=reverse("fleet:shelf"),
    )


@require_http_methods(["GET", "POST"])
@for_admins
def remove(request: PageRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        return _removed(request, name)
    deeds.model(request.user, name)
    return confirm(
        request,
        title=_("Remove %(model)s?") % {"model": name},
        text=_(
            "It is forgotten here. Its file is deleted only if it was uploaded or copied into the models "
            "folder; a file that was registered where it lay stays there."
        ),
        action=reverse("fleet:remove", args=[name]),
        button=_("Remove"),
        back=reverse("fleet:model", args=[name]),
    )


def _removed(request: PageRequest, name: str) -> HttpResponse:
    try:
        deeds.remove(request.user, name)
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("fleet:model", name=name)
    messages.success(request, _("%(model)s is removed.") % {"model": name})
    return redirect("fleet:shelf")


def _begun(request: PageRequest, name: str, kind: Deed.Kind, **body: str) -> HttpResponse:
    back = reverse("fleet:model", args=[name])
    return _do(request, back, lambda: deeds.begin(request.user, kind, name=name, **body))


def _do(request: PageRequest, back: str, begin: Callable[[], Deed]) -> HttpResponse:
    try:
        deed = begin()
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect(back)
    return redirect("fleet:job", pk=deed.pk)


def _listed(request: PageRequest, listed: dict[str, Any]) -> dict[str, Any]:
    rows = [words.shown(row) for row in listed["models"]]
    people = words.people({each["by"] for each in listed["history"]})
    history = [
        each | {"who": words.who(each["by"], people), "words": words.how(each["how"])}
        for each in listed["history"]
    ]
    return {
        "chats": [row for row in rows if row["chats"]],
        "others": [row for row in rows if not row["chats"]],
        "before": listed["before"],
        "switchable": listed["switchable"],
        "free": listed["memory"] / words.PER_GIGABYTE,
        "servers": [servers.shown(each) for each in listed["replicas"]],
        "history": history[:10],
        "deeds": deeds.recent(request.user),
    }
