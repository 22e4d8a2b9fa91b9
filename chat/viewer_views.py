"""The source viewer: a panel beside the answer, or a page of its own where no script runs."""

from uuid import UUID

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from chat.viewer import View, marks, view_passage, view_source
from ingest.pages import PageRequest, page_or_fragment
from ingest.parsers.letters import Span
from ingest.views.reading import SPAN


@require_GET
def source(request: PageRequest, pk: UUID, n: int) -> HttpResponse:
    """Source `n` of an answer. `?quote=a-b`: the characters of its passage that are marked; `&picture`:
    with the picture of a slide, whose making takes a while."""
    view = view_source(request.user, pk, n, _span(request), wait="picture" in request.GET)
    return _shown(request, view)


@require_GET
def passage(request: PageRequest, pk: UUID) -> HttpResponse:
    """A passage that a search found."""
    view = view_passage(request.user, pk, _span(request), wait="picture" in request.GET)
    return _shown(request, view)


@require_GET
def page_marks(request: PageRequest, pk: UUID, page: int) -> HttpResponse:
    """Boxes over the words on a page, as a picture that is laid over the page's own."""
    (width, height), boxes = marks(request.user, pk, page, _span(request))
    shown = [
        # Written here, not by the template: a German one would write a comma.
        [f"{each:.2f}" for each in (left * width, top * height, wide * width, high * height)]
        for left, top, wide, high in ((a, b, c - a, d - b) for a, b, c, d in boxes)
    ]
    context = {"width": f"{width:.2f}", "height": f"{height:.2f}", "boxes": shown}
    drawn = render_to_string("chat/marks.svg", context)
    response = HttpResponse(drawn, content_type="image/svg+xml; charset=utf-8")
    # Opened by itself it is a document: one that may do nothing at all.
    response._csp_update = {"sandbox": [""]}  # type: ignore[attr-defined]
    return response


def _shown(request: PageRequest, view: View) -> HttpResponse:
    return page_or_fragment(request, "chat/viewer.html", "chat/_viewer.html", {"view": view})


def _span(request: PageRequest) -> Span:
    found = SPAN.fullmatch(request.GET.get("quote", ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)
