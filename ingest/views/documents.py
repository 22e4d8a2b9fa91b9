"""One document: what is known about it, its text as it was read, its original."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from ingest.access import EDITOR, chunks_for, get_document, role_on
from ingest.documents import original
from ingest.documents import retry as retry_document
from ingest.erase import erase_document
from ingest.models import Chunk, Document
from ingest.pages import PageRequest, confirm
from ingest.parsers.registry import SUPPORTED
from ingest.reads import record_read

PASSAGES = 100
SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as the page shows it; `above` and `heading` where a new section begins.

    A heading that the text itself begins with is shown once, as a heading.
    """

    chunk: Chunk
    above: str
    heading: str
    new_page: bool
    wanted: bool
    before: str
    marked: str
    after: str


@require_GET
def document(request: PageRequest, pk: UUID) -> HttpResponse:
    """Facts and passages. `?chunk=` opens the page with that passage, `?quote=a-b` marks words."""
    found = get_document(request.user, pk)
    record_read(request.user, found)
    chunks = chunks_for(request.user).filter(document=found).defer("vector").order_by("ordinal")
    wanted = _wanted(chunks, request.GET.get("chunk", ""))
    page = _page(chunks, wanted, request.GET.get("page", "1"))
    context = {
        **_facts(request, found),
        "page": page,
        "passages": _passages(page, wanted, request.GET.get("quote", "")),
        "lost": bool(request.GET.get("chunk")) and wanted is None,
    }
    return render(request, "ingest/document.html", context)


@require_GET
def state(request: PageRequest, pk: UUID) -> HttpResponse:
    """The facts alone, which the page asks for while the document is in work."""
    found = get_document(request.user, pk)
    response = render(request, "ingest/_facts.html", _facts(request, found))
    if found.status in {Document.Status.READY, Document.Status.FAILED}:
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
    try:
        retry_document(request.user, get_document(request.user, pk, EDITOR))
    except Problem as problem:
        messages.warning(request, str(problem.detail))
    else:
        messages.success(request, _("The document is being read again."))
    return redirect("ingest:document", pk=pk)


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


def _facts(request: PageRequest, found: Document) -> dict[str, Any]:
    return {
        "document": found,
        "collection": found.collection,
        "kind": SUPPORTED.get(found.media_type, found.media_type),
        "may_edit": role_on(request.user, found.collection) in {"editor", "manager"},
    }


def _wanted(chunks: QuerySet[Chunk], pk: str) -> Chunk | None:
    try:
        return chunks.filter(pk=UUID(pk)).first()
    except ValueError:
        return None


def _page(chunks: QuerySet[Chunk], wanted: Chunk | None, number: str) -> Page[Chunk]:
    pages = Paginator(chunks, PASSAGES)
    if wanted is None:
        return pages.get_page(number)
    return pages.get_page(chunks.filter(ordinal__lt=wanted.ordinal).count() // PASSAGES + 1)


def _passages(chunks: Iterable[Chunk], wanted: Chunk | None, quote: str) -> list[Passage]:
    passages: list[Passage] = []
    path: list[str] = []
    page: int | None = None
    for chunk in chunks:
        opens = chunk.heading_path != path
        is_wanted = wanted is not None and chunk.pk == wanted.pk
        heading = chunk.heading_path[-1] if opens and chunk.heading_path else ""
        before, marked, after = _split(chunk.text, quote if is_wanted else "")
        passages.append(
            Passage(
                chunk=chunk,
                above=" › ".join(chunk.heading_path[:-1]) if opens else "",
                heading=heading,
                new_page=chunk.page is not None and chunk.page != page,
                wanted=is_wanted,
                before=_without(heading, before),
                marked=marked,
                after=after,
            )
        )
        path, page = chunk.heading_path, chunk.page
    return passages


def _without(heading: str, text: str) -> str:
    return text.removeprefix(heading).lstrip() if heading and text.startswith(heading) else text


def _split(text: str, quote: str) -> tuple[str, str, str]:
    """The text before, in and after the span `a-b`; all of it before where there is none."""
    span = SPAN.fullmatch(quote)
    start, end = (int(span[1]), int(span[2])) if span else (0, 0)
    if not text[start:end]:
        return text, "", ""
    return text[:start], text[start:end], text[end:]
