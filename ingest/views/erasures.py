"""Receipts of erasures, for who asked for them; for administrators all of them, and what was found."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.http import admin_required
from audit.models import Entry
from ingest import queue, reconcile
from ingest.access import collections_for
from ingest.models import Receipt
from ingest.pages import PageRequest
from ingest.receipts import as_json, get_receipt, next_proof, receipts_for, remains

PAGE = 50
#: What each count of a receipt is called.
REMOVED = {
    "files": gettext_lazy("Original"),
    "bytes": gettext_lazy("Bytes of it"),
    "chunks": gettext_lazy("Passages, with words and vectors"),
    "answers": gettext_lazy("Answers that rested on it"),
    "exports": gettext_lazy("Finished exports of its collection"),
    "run_answers": gettext_lazy("Answers of runs over golden questions"),
    "golden_questions": gettext_lazy("Golden questions that quoted it"),
}


@require_GET
def mine(request: PageRequest) -> HttpResponse:
    """What this person had erased, and what was erased from collections that she manages."""
    return _listed(request, receipts_for(request.user), {"everybodys": False})


@require_GET
def receipt(request: PageRequest, pk: UUID) -> HttpResponse:
    return _page(request, get_receipt(request.user, pk))


@require_GET
def export(request: PageRequest, pk: UUID) -> HttpResponse:
    """The receipt as JSON, to be kept elsewhere."""
    found = get_receipt(request.user, pk)
    answer = JsonResponse(as_json(found), json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="receipt-{found.pk}.json"'
    return answer


@require_GET
@admin_required
def overview(request: PageRequest) -> HttpResponse:
    """All receipts, how far their proofs are, and what the stores have that they should not."""
    every = Receipt.objects.all()
    counts = dict(every.order_by().values_list("state").annotate(Count("id")))
    found = reconcile.last()
    context = {
        "everybodys": True,
        "states": [(label, counts.get(state, 0)) for state, label in Receipt.State.choices],
        "last": found,
        "orphans": _orphans(found),
        "next": next_proof(),
    }
    return _listed(request, every, context)


@require_POST
@admin_required
def now(request: PageRequest) -> HttpResponse:
    """Ask a worker to do at once what is done at night."""
    if queue.send(queue.PROVE):
        messages.success(request, _("A worker makes the files anew and looks through every byte."))
    else:
        messages.error(request, _("The queue does not answer. Try again in a minute."))
    return redirect("ingest:erasures")


@require_GET
@admin_required
def anybodys(request: PageRequest, pk: UUID) -> HttpResponse:
    found = Receipt.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return _page(request, found, everybodys=True)


def _listed(
    request: PageRequest, found: QuerySet[Receipt], context: dict[str, Any]
) -> HttpResponse:
    state = request.GET.get("state", "")
    if state in Receipt.State.values:
        found = found.filter(state=state)
    rows = found.select_related("requested_by").defer("canaries", "checks")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    names = dict(
        collections_for(request.user)
        .filter(pk__in={row.collection_id for row in page})
        .values_list("pk", "name")
    )
    context |= {
        "page": page,
        "rows": [(row, names.get(row.collection_id, "")) for row in page],
        "base": f"state={state}" if state else "",
        "choices": Receipt.State.choices,
        "chosen": state,
    }
    return render(request, "ingest/erasures.html", context)


def _page(request: PageRequest, found: Receipt, *, everybodys: bool = False) -> HttpResponse:
    context = {
        "receipt": found,
        "everybodys": everybodys,
        "removed": [(REMOVED.get(kind, kind), count) for kind, count in found.removed.items()],
        "sought": sum(found.sought.values()),
        "last": found.checks[-1] if found.checks else None,
        "remains": remains(found),
    }
    return render(request, "ingest/receipt.html", context)


def _orphans(entry: Entry | None) -> list[tuple[str, int, int]]:
    """In words: how many were found the last time, and how many of them were put right."""
    data = entry.data if entry else {}
    return [
        (str(words), data[f"found_{kind}"], data.get(f"mended_{kind}", 0))
        for kind, words in reconcile.WORDS.items()
        if data.get(f"found_{kind}")
    ]
