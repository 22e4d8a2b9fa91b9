"""The list of collections, and one collection with its documents."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ingest.access import EDITOR, get_collection, role_on, roles_on
from ingest.collections import CollectionRefused, create_collection
from ingest.documents import collections_with_counts, documents_in
from ingest.forms import CollectionForm, FilterForm
from ingest.models import Collection, Document
from ingest.pages import PageRequest, page_or_fragment
from ingest.parsers.registry import SUPPORTED
from ingest.upload import Uploaded, UploadRefused, upload

WORKING = [Document.Status.QUEUED, Document.Status.PROCESSING]
PAGE = 50


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
    context = {
        **_table(request, found),
        "collection": found,
        "role": role_on(request.user, found),
        "kinds": sorted(set(SUPPORTED.values())),
    }
    return page_or_fragment(request, "ingest/collection.html", "ingest/_documents.html", context)


@require_POST
def upload_files(request: PageRequest, pk: UUID) -> HttpResponse:
    """Take one or more files. Scripts ask for JSON and get what became of each file."""
    found = get_collection(request.user, pk, EDITOR)
    taken, refused = [], []
    for file in request.FILES.getlist("file"):
        name = file.name or ""
        try:
            uploaded = upload(request.user, found, file, name=name)
        except UploadRefused as problem:
            refused.append({"name": name, "code": problem.code, "detail": str(problem.detail)})
        else:
            taken.append({"name": name, "created": uploaded.created, "note": _note(uploaded, name)})
    if request.accepts("text/html"):
        return _told(request, found, taken, refused)
    return JsonResponse({"documents": taken, "refused": refused}, status=202)


def _note(uploaded: Uploaded, name: str) -> str:
    """What a person should know of a taken file: that it replaces another, or is there under a name."""
    document = uploaded.document
    if uploaded.replaces:
        return _("Replaces version %(version)d of “%(name)s” when it is ready.") % {
            "version": uploaded.replaces,
            "name": document.name,
        }
    if not uploaded.created and document.name != name:
        return _("Already in this collection as “%(name)s”.") % {"name": document.name}
    return ""


def _told(
    request: PageRequest,
    found: Collection,
    taken: list[dict[str, Any]],
    refused: list[dict[str, str]],
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


def _table(request: PageRequest, found: Collection) -> dict[str, Any]:
    form = FilterForm(request.GET)
    form.is_valid()
    counts = documents_in(request.user, found).aggregate(
        total=Count("pk"), working=Count("pk", filter=Q(status__in=WORKING))
    )
    page = Paginator(_filtered(request, found, form), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    return {"form": form, "page": page, "query": query.urlencode(), **counts}


def _filtered(request: PageRequest, found: Collection, form: FilterForm) -> QuerySet[Document]:
    state, words = form.cleaned_data.get("state", ""), form.cleaned_data.get("q", "")
    working = state == FilterForm.WORKING
    documents = documents_in(request.user, found, status="" if working else state, q=words)
    return documents.filter(status__in=WORKING) if working else documents
