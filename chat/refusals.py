"""Words below the composer, where a question cannot be asked."""

from django.http import HttpResponse
from django.shortcuts import render

from ingest.pages import PageRequest


def refused(request: PageRequest, detail: str) -> HttpResponse:
    """For htmx: `detail` goes beside the question, which stays as it was typed."""
    response = HttpResponse(status=422, content_type="text/html; charset=utf-8")
    response["HX-Retarget"], response["HX-Reswap"] = "#composer-error", "innerHTML"
    response.write(render(request, "chat/_refused.html", {"detail": detail}).content)
    return response
