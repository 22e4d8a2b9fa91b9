"""What the pages of this room and of chat share: the request's type, fragments, dialogs."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.middleware import HtmxDetails

from accounts.http import SignedInRequest


class PageRequest(SignedInRequest):
    """A request that passed LoginRequiredMiddleware and HtmxMiddleware."""

    htmx: HtmxDetails


def page_or_fragment(
    request: PageRequest, page: str, fragment: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and the whole `page`, which includes it, for everyone else."""
    template = fragment if request.htmx else page
    response = render(request, template, dict(context), status=status)
    response["Vary"] = "HX-Request"
    return response


def done(request: PageRequest, said: str, back: str, pk: UUID) -> HttpResponse:
    """After a deed: htmx is told to ask for the documents anew, everyone else is led `back`."""
    if not request.htmx:
        messages.success(request, said)
        return redirect(back, pk=pk)
    told = {"documentsChanged": {}, "said": {"text": said}}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(told)})


def confirm(request: PageRequest, **context: Any) -> HttpResponse:
    """A question before a deed: a dialog where scripts run, a page of its own elsewhere.

    `context`: title, text, action (the address that is posted to), button, back (an address).
    """
    return page_or_fragment(request, "confirm.html", "partials/confirm.html", context)
