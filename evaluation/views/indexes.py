"""The search index: which one is used, one that is built beside it, and the switch between them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.http import admin_required
from audit.problems import Problem
from chat import failures
from evaluation.access import get_index, sets_for
from evaluation.forms import BuildForm
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest import reindex
from ingest.indexes import active
from ingest.models import Index
from ingest.pages import PageRequest, confirm, page_or_fragment

#: Indexes that were in use before, as long as they are still there.
LISTED = 10


@require_GET
@admin_required
def indexes(request: PageRequest) -> HttpResponse:
    """htmx gets what changes while one is built."""
    if request.htmx:
        return render(request, "evaluation/_indexes.html", _shown(request))
    return _page(request, BuildForm(_embedders()))


@require_http_methods(["GET", "POST"])
@admin_required
def build(request: PageRequest) -> HttpResponse:
    """Begin to build an index beside the one in use."""
    form = BuildForm(_embedders(), request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            reindex.begin(request.user, **form.cleaned_data)
        except (Problem, ModelsUnavailable) as problem:
            form.add_error(None, _why(problem))
        else:
            messages.success(request, _("The index is being built; the one in use goes on."))
            return redirect("evaluation:indexes")
    return _page(request, form)


@require_http_methods(["GET", "POST"])
@admin_required
def activate(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_index(request.user, pk)
    if request.method == "POST":
        return _done(request, found, activating=True)
    return confirm(
        request,
        title=_("Put this index to use?"),
        text=_(
            "From then on every question is searched in the index of %(embedder)s. Answers that are"
            " being written end with the old one, which is erased afterwards."
        )
        % {"embedder": found.embedder},
        action=reverse("evaluation:index-activate", args=[pk]),
        button=_("Put to use"),
        back=reverse("evaluation:indexes"),
    )


@require_http_methods(["GET", "POST"])
@admin_required
def give_up(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_index(request.user, pk)
    if request.method == "POST":
        return _done(request, found, activating=False)
    return confirm(
        request,
        title=_("Give this index up?"),
        text=_("What was built of it is erased; the one in use stays."),
        action=reverse("evaluation:index-give-up", args=[pk]),
        button=_("Give up"),
        back=reverse("evaluation:indexes"),
    )


def _done(request: PageRequest, found: Index, *, activating: bool) -> HttpResponse:
    try:
        if not activating:
            reindex.give_up(request.user, found)
            messages.success(request, _("The index is given up and will be erased."))
        elif reindex.activate(request.user, found):
            messages.success(request, _("The index is in use now."))
        else:
            messages.info(request, _("It is put to use as soon as the last documents are in it."))
    except Problem as problem:
        messages.error(request, str(problem.detail))
    return redirect("evaluation:indexes")


def _page(request: PageRequest, form: BuildForm) -> HttpResponse:
    context = _shown(request) | {"form": form}
    status = 422 if form.errors else 200
    page, fragment = "evaluation/indexes.html", "evaluation/indexes.html"
    return page_or_fragment(request, page, fragment, context, status=status)


def _shown(request: PageRequest) -> dict[str, Any]:
    used, made = active(), reindex.building()
    replaced = Index.objects.filter(state=Index.State.RETIRED)
    progress = reindex.progress(made) if made else None
    return {
        "used": used,
        "passages": used.chunks.count(),
        "stale": reindex.stale() and made is None,
        "made": made,
        "progress": progress,
        "share": progress.done / progress.total if progress and progress.total else 0,
        "reason": _reason(progress.code) if progress and progress.code else "",
        "replaced": replaced.annotate(left=Count("chunks")).order_by("-retired_at")[:LISTED],
        "sets": sets_for(request.user).order_by("name")[:LISTED],
    }


def _reason(code: str) -> str:
    """Why the building does not go on."""
    return {
        "index-incomplete": _(
            "Some documents could not be put into it; the log names them. It is tried again every"
            " minute."
        ),
        "embedder-changed": _("The embedder makes other vectors than before. Give this index up."),
    }.get(code) or _("It rests (%(code)s) and is tried again by itself.") % {"code": code}


def _embedders() -> list[tuple[str, str]]:
    """Those that the models process knows; [] while it does not answer."""
    try:
        return [
            (each.name, _("%(name)s (%(n)d numbers)") % {"name": each.name, "n": each.dimension})
            for each in get_client().embedders()
        ]
    except ModelsUnavailable:
        return []


def _why(error: Problem | ModelsUnavailable) -> str:
    return str(error.detail) if isinstance(error, Problem) else failures.detail_of(error.code)
