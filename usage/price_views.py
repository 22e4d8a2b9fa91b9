"""The pages of prices: noted, removed, in and out as a file."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import admin_required
from audit.problems import Problem
from ingest.pages import PageRequest
from usage import words
from usage.forms import FORMS, ImportForm, PriceForm
from usage.models import Price
from usage.prices import MOST_BYTES, export, import_prices, note, remove


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def prices(request: PageRequest) -> HttpResponse:
    """All prices; one of three forms notes another."""
    posted = request.POST.get("kind") if request.method == "POST" else None
    forms = {each.kind: each(request.POST if each.kind == posted else None) for each in FORMS}
    form = forms.get(posted or "")
    if form is not None and form.is_valid():
        try:
            note(request.user, form.draft())
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The price is noted."))
            return redirect("usage:prices")
    refused = request.method == "POST"
    return _page(request, forms, ImportForm(), status=422 if refused else 200)


@require_POST
@admin_required
def import_file(request: PageRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            count = import_prices(request.user, form.cleaned_data["file"].read(MOST_BYTES + 1))
        except Problem as problem:
            form.add_error("file", str(problem.detail))
        else:
            told = ngettext("%(n)d price is noted.", "%(n)d prices are noted.", count) % {
                "n": count
            }
            messages.success(request, told)
            return redirect("usage:prices")
    return _page(request, {each.kind: each(None) for each in FORMS}, form, status=422)


@require_safe
@admin_required
def file(request: PageRequest) -> HttpResponse:
    return HttpResponse(
        export(Price.objects.all()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="prices.csv"'},
    )


@require_POST
@admin_required
def remove_price(request: PageRequest, pk: UUID) -> HttpResponse:
    remove(request.user, pk)
    messages.success(request, _("The price is removed."))
    return redirect("usage:prices")


def _page(
    request: PageRequest, forms: dict[str, PriceForm], importing: ImportForm, *, status: int
) -> HttpResponse:
    rows = list(Price.objects.all())
    parts = [
        (kind, form, [_told(row) for row in rows if row.kind == kind])
        for kind, form in forms.items()
    ]
    context = {
        "parts": parts,
        "importing": importing,
        "any": bool(rows),
        "currency": settings.CURRENCY,
    }
    return render(request, "usage/prices.html", context, status=status)


def _told(price: Price) -> dict[str, object]:
    """A price for its table, the amounts in words."""
    amounts = {name: words.exact(getattr(price, name)) for name in ("amount", "cached", "written")}
    names = ("pk", "name", "since", "months", "source")
    return {name: getattr(price, name) for name in names} | amounts
