"""Pages of documents as pictures that are made here."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from audit.problems import Problem
from ingest import page_views
from ingest.access import get_document
from ingest.pages import PageRequest
from ingest.reads import record_text


@require_GET
def page_picture(request: PageRequest, pk: UUID, page: int) -> HttpResponse:
    """Page `page` (from 1) as WebP; `?size=large` for a whole screen. Of other kinds there is text."""
    found = get_document(request.user, pk)
    if not page_views.draws(found):
        return redirect("ingest:document", pk=pk)
    large = request.GET.get("size") == "large"
    width = page_views.LARGE if large else page_views.WIDTH
    try:
        drawn = page_views.picture(found, page, width)
    except Problem as problem:
        return problem.as_response()
    record_text(request.user, found)
    response = HttpResponse(drawn, content_type="image/webp")
    response["X-Content-Type-Options"] = "nosniff"
    return response
