"""The sources of a collection, for its managers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from ingest import sync_manage, sync_place, sync_try
from ingest.access import MANAGER, get_collection
from ingest.models import Collection, SyncRun, SyncSource
from ingest.pages import PageRequest, confirm
from ingest.sync_forms import FORMS, SourceForm
from ingest.sync_reasons import sentence

ITEMS = 50


@require_GET
def index(request: PageRequest, pk: UUID) -> HttpResponse:
    """All sources of a collection: when each was read last, and what is the matter with it."""
    found = get_collection(request.user, pk, MANAGER)
    sources = sync_manage.sources_of(request.user, found).annotate(
        files=Count("items", filter=Q(items__document__isnull=False))
    )
    rows = [_shown(source) for source in sources]
    return render(request, "ingest/sources.html", {"collection": found, "rows": rows})


@require_http_methods(["GET", "POST"])
def new(request: PageRequest, pk: UUID) -> HttpResponse:
    """A source of the kind `?kind=`: try it out, then follow it."""
    found = get_collection(request.user, pk, MANAGER)
    asked = request.POST.get("kind", "") or request.GET.get("kind", "")
    make = FORMS.get(asked, FORMS["folder"])
    form = make(request.POST or None)
    look = None
    if request.method == "POST" and form.is_valid():
        try:
            if "try" in request.POST:
                look = sync_try.look(request.user, found, form.draft())
            else:
                made = sync_manage.create(request.user, found, form.draft())
                messages.success(request, _("The source is followed from now on."))
                return redirect("ingest:source", pk=made.pk)
        except Problem as problem:
            form.refuse(problem)
    return _form(request, found, form, look=look)


@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, pk: UUID) -> HttpResponse:
    """Everything but kind and name can be changed."""
    source = sync_manage.get_source(request.user, pk)
    form = FORMS[source.kind](request.POST or None, source=source)
    look = None
    if request.method == "POST" and form.is_valid():
        try:
            if "try" in request.POST:
                look = sync_try.look(request.user, source.collection, form.draft())
            else:
                sync_manage.change(request.user, source, form.draft())
                messages.success(request, _("Saved."))
                return redirect("ingest:source", pk=pk)
        except Problem as problem:
            form.refuse(problem)
    return _form(request, source.collection, form, source=source, look=look)


@require_GET
def source(request: PageRequest, pk: UUID) -> HttpResponse:
    """One source: how it is, its last runs, what of it is not here and why."""
    found = sync_manage.get_source(request.user, pk)
    missing = found.items.filter(Q(left_out=True) | ~Q(error_code=""))
    page = Paginator(missing, ITEMS).get_page(request.GET.get("page"))
    context = {
        **_shown(found),
        "collection": found.collection,
        "runs": [_run(run) for run in found.runs.all()],
        "page": page,
        "items": [(row, sentence(row.error_code) if row.error_code else "") for row in page],
        "documents": found.items.exclude(document=None).count(),
    }
    return render(request, "ingest/source.html", context)


@require_POST
def run(request: PageRequest, pk: UUID) -> HttpResponse:
    return _done(request, pk, sync_manage.run_now, _("It is read as soon as a worker is free."))


@require_POST
def pause(request: PageRequest, pk: UUID) -> HttpResponse:
    """`paused`: 1 or nothing."""
    found = sync_manage.get_source(request.user, pk)
    paused = bool(request.POST.get("paused"))
    sync_manage.pause(request.user, found, paused)
    messages.success(request, _("Paused.") if paused else _("It is followed again."))
    return redirect("ingest:source", pk=pk)


@require_http_methods(["GET", "POST"])
def deletions(request: PageRequest, pk: UUID) -> HttpResponse:
    """A mass deletion at the source waits for this."""
    found = sync_manage.get_source(request.user, pk)
    count = found.deletions_waiting
    if request.method == "POST":
        said = request.GET.get("count", "")
        number = int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0
        return _done(
            request,
            pk,
            lambda user, each: sync_manage.allow_deletions(user, each, number),
            _("They are erased by the next run."),
        )
    return confirm(
        request,
        title=_("Erase what is gone at the source?"),
        text=ngettext(
            "%(n)d document is gone at the source. It will be erased here for good, for everyone.",
            "%(n)d documents are gone at the source. They will be erased here for good, for everyone.",
            count,
        )
        % {"n": count},
        # The number that was read: another one is asked about anew.
        action=f"{reverse('ingest:source-deletions', args=[pk])}?count={count}",
        button=_("Erase them"),
        back=reverse("ingest:source", args=[pk]),
    )


@require_POST
def take(request: PageRequest, pk: UUID, item: int) -> HttpResponse:
    """Take in again what was erased here."""
    found = sync_manage.get_source(request.user, pk)
    sync_manage.take_again(request.user, found, item)
    messages.success(request, _("The next run takes it in again."))
    return redirect("ingest:source", pk=pk)


@require_http_methods(["GET", "POST"])
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = sync_manage.get_source(request.user, pk)
    if request.method == "POST":
        sync_manage.remove(request.user, found)
        messages.success(request, _("The source is followed no longer. Its documents stay."))
        return redirect("ingest:sources", pk=found.collection_id)
    return confirm(
        request,
        title=_("Follow this source no longer?"),
        text=_("Its documents stay in the collection and are not kept in step any more."),
        action=reverse("ingest:source-delete", args=[pk]),
        button=_("Remove the source"),
        back=reverse("ingest:source", args=[pk]),
    )


def _done(request: PageRequest, pk: UUID, deed: Any, said: str) -> HttpResponse:
    try:
        deed(request.user, sync_manage.get_source(request.user, pk))
    except Problem as problem:
        messages.error(request, str(problem.detail))
    else:
        messages.success(request, said)
    return redirect("ingest:source", pk=pk)


def _form(
    request: PageRequest,
    collection: Collection,
    form: SourceForm,
    *,
    source: SyncSource | None = None,
    look: sync_try.Look | None = None,
) -> HttpResponse:
    context = {
        "collection": collection,
        "source": source,
        "form": form,
        "kind": form.kind,
        "kinds": SyncSource.Kind.choices,
        "look": look,
        "roots": [str(root) for root in sync_place.roots(collection.pk)],
        "gates": sorted(sync_place.gates(collection.pk)),
    }
    status = 422 if form.errors else 200
    return render(request, "ingest/source_form.html", context, status=status)


def _shown(source: SyncSource) -> dict[str, Any]:
    return {
        "source": source,
        "stale": sync_manage.is_stale(source),
        "reason": sentence(source.error_code) if source.error_code else "",
        "reading": source.lease_until is not None and source.lease_until > timezone.now(),
    }


def _run(run: SyncRun) -> dict[str, Any]:
    """Counts as people read them; nothing that is 0."""
    words = {
        "new": _("new"),
        "changed": _("changed"),
        "moved": _("moved"),
        "gone": _("gone"),
        "failed": _("failed"),
        "held": _("held"),
        "unread": _("folders not read"),
    }
    told = [(words[key], run.counts[key]) for key in words if run.counts.get(key)]
    reason = sentence(run.error_code) if run.error_code else ""
    return {"run": run, "told": told, "seen": run.counts.get("seen", 0), "reason": reason}
