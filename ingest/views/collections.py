"""The list of collections, and one collection with its documents."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ingest.access import EDITOR, get_collection, role_on, roles_on
from ingest.collections import CollectionRefused, create_collection
from ingest.documents import cancel_waiting, collections_with_counts, retry_failed
from ingest.forms import CollectionForm
from ingest.models import Collection, Document
from ingest.pages import PageRequest, done, page_or_fragment
from ingest.parsers.registry import SUPPORTED
from ingest.reasons import may_help_again
from ingest.upload import Uploaded, UploadRefused, upload
from ingest.views.table import WORKING, kinds, table


@require_GET
def index(request: PageRequest) -> HttpResponse:
    collections: list[Collection] = list(
        collections_with_counts(request.user).annotate(
            working=Count("documents", filter=Q(documents__status__in=WORKING)),
            failed=Count("documents", filter=Q(documents__status=Document.Status.FAILED)),
        )
    )
    roles = roles_on(request.user, collections)
    tiles = [(collection, roles.get(collection, "")) for collection in collections]
    return render(request, "ingest/collections.html", {"tiles": tiles})


@require_http_methods(["GET", "POST"])
def new(request: PageRequest) -> HttpResponse:
    form = CollectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_collection(request.user, **form.cleaned_data)
        except CollectionRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, _("The collection is there. Add its first documents."))
            return redirect("ingest:collection", pk=made.pk)
    return page_or_fragment(
        request, "ingest/collection_new.html", "ingest/_collection_new.html", {"form": form}
    )


@require_GET
def collection(request: PageRequest, pk: UUID) -> HttpResponse:
    """The documents of a collection; htmx gets the table alone, to filter and to follow work."""
    found = get_collection(request.user, pk)
    context = {**table(request, found), "collection": found, "role": role_on(request.user, found)}
    if not request.htmx:
        context |= {
            "kinds": kinds(request.user, found),
            "accepted": SUPPORTED.values(),
            "most_mb": settings.MAX_UPLOAD_MB,
            "most_bytes": settings.MAX_UPLOAD_MB * 1_000_000,
        }
    return page_or_fragment(request, "ingest/collection.html", "ingest/_documents.html", context)


@require_POST
def upload_files(request: PageRequest, pk: UUID) -> HttpResponse:
    """Take one or more files of the folder `path`. Scripts ask for JSON: what became of each file."""
    found = get_collection(request.user, pk, EDITOR)
    path = request.POST.get("path", "")
    taken: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for file in request.FILES.getlist("file"):
        name = file.name or ""
        try:
            uploaded = upload(request.user, found, file, name=name, path=path)
        except UploadRefused as problem:
            refused.append(_refused(name, problem))
        else:
            taken.append(_taken(name, path, uploaded))
    if request.accepts("text/html"):
        return _told(request, found, taken, refused)
    return JsonResponse({"documents": taken, "refused": refused}, status=202)


@require_POST
def cancel_documents(request: PageRequest, pk: UUID) -> HttpResponse:
    """Stop all that wait."""
    found = get_collection(request.user, pk, EDITOR)
    count = cancel_waiting(request.user, found)
    said = ngettext("%(n)d document was stopped.", "%(n)d documents were stopped.", count)
    return done(request, said % {"n": count}, "ingest:collection", pk)


@require_POST
def retry_documents(request: PageRequest, pk: UUID) -> HttpResponse:
    """Read all again that failed and may end otherwise."""
    found = get_collection(request.user, pk, EDITOR)
    count = retry_failed(request.user, found)
    if not count:
        said = _("Trying again would change nothing: each says what to do instead.")
        return done(request, said, "ingest:collection", pk)
    said = ngettext(
        "%(n)d document is being read again.", "%(n)d documents are being read again.", count
    )
    return done(request, said % {"n": count}, "ingest:collection", pk)


def _taken(name: str, path: str, uploaded: Uploaded) -> dict[str, Any]:
    return {
        "name": name,
        "created": uploaded.created,
        "replaces": uploaded.replaces,
        "note": _note(uploaded, name, path),
    }


def _refused(name: str, problem: UploadRefused) -> dict[str, Any]:
    """`again`: whether sending the same file once more may help."""
    again = may_help_again(problem.code)
    return {"name": name, "code": problem.code, "detail": str(problem.detail), "again": again}


def _note(uploaded: Uploaded, name: str, path: str) -> str:
    """What a person should know of a taken file: that it replaces another, or is there elsewhere."""
    there = uploaded.document
    if uploaded.was_erased:
        return _("It was erased from this collection before. It is back now, as a new document.")
    if uploaded.replaces:
        return _("Replaces version %(version)d of “%(name)s” when it is ready.") % {
            "version": uploaded.replaces,
            "name": there.name,
        }
    if uploaded.created or (there.name, there.path) == (name, path.strip("/")):
        return ""
    if not there.path:
        return _("Already in this collection as “%(name)s”.") % {"name": there.name}
    return _("Already in this collection as “%(name)s” in the folder “%(folder)s”.") % {
        "name": there.name,
        "folder": there.path,
    }


def _told(
    request: PageRequest,
    found: Collection,
    taken: list[dict[str, Any]],
    refused: list[dict[str, Any]],
) -> HttpResponse:
    if not taken and not refused:
        messages.warning(request, _("Choose a file first."))
    if taken:
        count = len(taken)
        said = ngettext("%(n)d file was taken.", "%(n)d files were taken.", count) % {"n": count}
        messages.success(request, said)
    for note in (file["note"] for file in taken if file["note"]):
        messages.info(request, note)
    for problem in refused:
        messages.error(request, f"{problem['name']}: {problem['detail']}")
    return redirect("ingest:collection", pk=found.pk)
