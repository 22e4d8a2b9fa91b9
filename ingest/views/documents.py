"""One document: its passages, what was read, what is known about it, its original."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from audit.problems import Problem
from ingest.access import EDITOR, chunks_for, documents_for, get_document, role_on
from ingest.documents import cancel as cancel_document
from ingest.documents import original
from ingest.documents import retry as retry_document
from ingest.erase import erase_document
from ingest.estimate import waits
from ingest.indexes import active
from ingest.models import Document
from ingest.pages import PageRequest, confirm, done
from ingest.parsers.registry import FOLDERS, SUPPORTED
from ingest.reads import record_read, record_text
from ingest.reasons import reason
from ingest.views import about, reading
from ingest.views.states import state_of
from ingest.views.table import rows

MEMBERS = 100
Context = dict[str, Any]


@require_GET
def document(request: PageRequest, pk: UUID) -> HttpResponse:
    """Facts, and one view: passages, what was read, about it, or the files of an archive.

    `?chunk=` opens the page with that passage, `?quote=a-b` marks words of it.
    """
    found = get_document(request.user, pk)
    record_read(request.user, found)
    views = _views(found)
    asked = request.GET.get("view", "")
    view = asked if asked in views else next(iter(views))
    context = {
        **_facts(request, found),
        "view": view,
        "views": [(name, title) for name, (title, _make) in views.items()],
        **views[view][1](request, found),
    }
    return render(request, "ingest/document.html", context)


@require_GET
def state(request: PageRequest, pk: UUID) -> HttpResponse:
    """The facts alone, which the page asks for while the document is in work.

    `?found=0`: the page was made before anybody could find its passages.
    """
    found = get_document(request.user, pk)
    response = render(request, "ingest/_facts.html", _facts(request, found))
    over = found.status in {Document.Status.READY, Document.Status.FAILED}
    if over or (found.visible and request.GET.get("found") == "0"):
        # Its passages are there now, or the reason why they are not.
        response["HX-Refresh"] = "true"
    return response


@require_GET
def content(request: PageRequest, pk: UUID) -> HttpResponseBase:
    """The original bytes, always as an attachment: never a page of ours."""
    found = get_document(request.user, pk)
    try:
        return original(request, request.user, found)
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("ingest:document", pk=pk)


@require_POST
def retry(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_document(request.user, pk, EDITOR)
    said = _("The document is being read again.")
    return _tried(request, found, lambda: retry_document(request.user, found), said)


@require_POST
def cancel(request: PageRequest, pk: UUID) -> HttpResponse:
    """Stop one that waits or is in work."""
    found = get_document(request.user, pk, EDITOR)
    said = _("Reading the document was stopped.")
    return _tried(request, found, lambda: cancel_document(request.user, found), said)


@require_http_methods(["GET", "POST"])
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_document(request.user, pk, EDITOR)
    if request.method == "POST":
        try:
            erase_document(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("ingest:document", pk=pk)
        messages.success(request, _("The document is being erased."))
        return redirect("ingest:collection", pk=found.collection_id)
    return confirm(
        request,
        title=_("Delete this document?"),
        text=_("“%(name)s” will be erased for good, for everyone, with all that was made from it.")
        % {"name": found.name},
        action=reverse("ingest:document-delete", args=[pk]),
        button=_("Erase"),
        back=reverse("ingest:document", args=[pk]),
    )


def _tried(
    request: PageRequest, found: Document, deed: Callable[[], object], said: str
) -> HttpResponse:
    try:
        deed()
    except Problem as problem:
        if request.htmx:
            return done(request, str(problem.detail), "ingest:document", found.pk)
        messages.warning(request, str(problem.detail))
        return redirect("ingest:document", pk=found.pk)
    return done(request, said, "ingest:document", found.pk)


def _facts(request: PageRequest, found: Document) -> Context:
    return {
        "document": found,
        "collection": found.collection,
        "kind": SUPPORTED.get(found.media_type, found.media_type),
        "spoken": about.language(found.language),
        "state": state_of(found, waits([found]).get(found.pk)),
        "working": found.status in (Document.Status.QUEUED, Document.Status.PROCESSING),
        "may_edit": _may_edit(request.user, found),
    }


def _may_edit(user: User, found: Document) -> bool:
    return role_on(user, found.collection) in {"editor", "manager"}


def _views(found: Document) -> dict[str, tuple[str, Callable[[PageRequest, Document], Context]]]:
    """Name, title and maker of each view that this document has; the first is shown by itself."""
    archive = found.media_type in FOLDERS
    views: dict[str, tuple[str, Callable[[PageRequest, Document], Context]]] = {}
    if archive:
        views["files"] = (_("Files"), _files)
    else:
        views["passages"] = (_("Passages"), _passages)
        views["read"] = (_("What was read"), _read)
    return views | {"about": (_("About"), _about)}


def _passages(request: PageRequest, found: Document) -> Context:
    every = chunks_for(request.user).filter(document=found).defer("vector").order_by("ordinal")
    chunks = every.filter(index=active())
    named, quote = request.GET.get("chunk", ""), request.GET.get("quote", "")
    wanted, quote = reading.wanted_chunk(every, chunks, named, quote)
    page = reading.page_of(chunks, wanted, request.GET.get("page", "1"))
    return {
        "page": page,
        "passages": reading.passages(found, page, wanted, quote),
        "lost": bool(request.GET.get("chunk")) and wanted is None,
    }


def _read(request: PageRequest, found: Document) -> Context:
    """What nobody finds yet, or never will, is for those who look after it."""
    readable = found.visible or found.status == Document.Status.READY
    if not (readable or _may_edit(request.user, found)):
        return {"hidden": True}
    page, pieces = reading.block_page(found, request.GET.get("page", "1"))
    if pieces:
        record_text(request.user, found)
    return {"page": page, "pieces": pieces}


def _about(_request: PageRequest, found: Document) -> Context:
    return {
        "facts": about.facts(found),
        "itself": about.said_of_itself(found),
        "course": about.course(found),
        "advice": about.advice(found),
    }


def _files(request: PageRequest, found: Document) -> Context:
    members = documents_for(request.user).filter(container=found).order_by("path", "name", "id")
    page = Paginator(members, MEMBERS).get_page(request.GET.get("page"))
    refused = [
        {"name": one["name"], "detail": reason(one["code"], one["detail"])}
        for one in found.reading.get("refused", [])
    ]
    more = found.reading.get("files", {}).get("refused", 0) - len(refused)
    return {
        "page": page,
        "rows": rows(request.user, page),
        "refused": refused,
        "refused_more": max(0, more),
    }
