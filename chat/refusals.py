"""A question that cannot be asked, and the words for it below the composer."""

from django.http import HttpResponse
from django.shortcuts import render

from ingest.pages import PageRequest


class QuestionRefused(Exception):
    """A question that cannot be asked. `code` is stable, `detail` says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def refused(request: PageRequest, detail: str) -> HttpResponse:
    """For htmx: `detail` goes beside the question, which stays as it was typed."""
    response = HttpResponse(status=422, content_type="text/html; charset=utf-8")
    response["HX-Retarget"], response["HX-Reswap"] = "#composer-error", "innerHTML"
    response.write(render(request, "chat/_refused.html", {"detail": detail}).content)
    return response
