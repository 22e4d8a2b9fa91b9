"""What is done with a whole conversation, or with one of its questions: taken along, asked otherwise."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from chat.conversations import get_conversation
from chat.export import FORMS, as_file
from ingest.pages import PageRequest


@require_GET
def export(request: PageRequest, pk: UUID) -> HttpResponse:
    """A conversation as a file; `?format=` one of FORMS."""
    form = request.GET.get("format", "md")
    if form not in FORMS:
        raise Http404
    return as_file(request.user, get_conversation(request.user, pk), form)
