"""The search page: passages without a model, for people who would rather read."""

from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from audit.problems import Problem
from chat.conversations import QuestionRefused, checked_question
from chat.failures import detail_of
from chat.filter_form import narrowing
from chat.found import found_passages, stages
from chat.named import readable_documents
from chat.search import MOST_PASSAGES, SearchResult, search
from chat.search_form import STEP, SearchForm, documents_named
from inference.protocol import ModelsUnavailable
from ingest.access import collections_for, documents_for, searchable
from ingest.filters import Filters
from ingest.pages import PageRequest, page_or_fragment
from ingest.store import StoreUnavailable

#: Names of documents that are offered while one is typed.
OFFERED = 12


@require_GET
def page(request: PageRequest) -> HttpResponse:
    """The form, and what was found for its query; htmx gets what was found alone."""
    form = SearchForm(request.GET, request.user)
    valid = form.is_valid()
    context: dict[str, Any] = {"form": form, "query": form.query()}
    if not valid:
        context["refused"] = form.first_error()
    elif form.query():
        context |= _searched(request, form)
    if not request.htmx:
        context |= _choices(request, form, form.filters() if valid else Filters())
    return page_or_fragment(request, "chat/search.html", "chat/_search_results.html", context)


@require_GET
def documents(request: PageRequest) -> HttpResponse:
    """Names of documents with these words in them, to choose from while typing."""
    said = request.GET.get("named", "").replace("\x00", "").strip()[:255]
    found = documents_named(request.user, said)[:OFFERED] if len(said) > 1 else []
    return render(request, "chat/_search_documents.html", {"documents": found})


def _searched(request: PageRequest, form: SearchForm) -> dict[str, Any]:
    filters = form.filters()
    try:
        query = checked_question(form.query())
        found = search(
            request.user,
            query,
            form.chosen(),
            form.cleaned_data["k"],
            form.cleaned_data["mode"],
            filters,
            fall_back=True,
            by_name=not form.cleaned_data["alike"],
        )
    except QuestionRefused as refused:
        return {"refused": refused.detail}
    except Problem as problem:
        return {"refused": problem.detail}
    except (ModelsUnavailable, StoreUnavailable) as error:
        return {"refused": detail_of(error.code)}
    return _shown(request, form, query, found, filters)


def _shown(
    request: PageRequest, form: SearchForm, query: str, found: SearchResult, filters: Filters
) -> dict[str, Any]:
    k = form.cleaned_data["k"]
    more = len(found.passages) >= k and k < MOST_PASSAGES
    return {
        "found": found_passages(request.user, query, found),
        "result": found,
        "stages": stages(found.ms),
        "total_ms": sum(found.ms.values()),
        "filtered": bool(filters or form.chosen()),
        "without_filters": form.address_without_filters(),
        "base": form.address(drop=("document",)),
        "ask_within": form.within(),
        "more": form.address(k=min(k + STEP, MOST_PASSAGES)) if more else "",
        "most": k >= MOST_PASSAGES,
        **_first_in(request, form, found),
        **_looked_at(request, found),
    }


def _first_in(request: PageRequest, form: SearchForm, found: SearchResult) -> dict[str, str]:
    """The documents that the query names, and the address that does without."""
    named = readable_documents(request.user, [each.document for each in found.named])
    return {
        "first_in": ", ".join(dict.fromkeys(each.name for each in named)),
        "without_names": form.address(alike="on"),
    }


def _looked_at(request: PageRequest, found: SearchResult) -> dict[str, int]:
    """How many passages of how many documents were in question."""
    rows = documents_for(request.user).filter(searchable(), collection__in=found.collections)
    if found.documents is not None:
        sizes = rows.values_list("pk", "chunk_count")
        counts = [size for pk, size in sizes if pk in found.documents]
        return {"looked_at": sum(counts), "looked_in": len(counts)}
    passages = rows.aggregate(sum=Sum("chunk_count"))["sum"]
    return {"looked_at": passages or 0, "looked_in": rows.count()}


def _choices(request: PageRequest, form: SearchForm, filters: Filters) -> dict[str, Any]:
    chosen = set(form.chosen() or ()) if form.is_valid() else set()
    return {
        "readable": list(collections_for(request.user)),
        "chosen": chosen,
        **narrowing(request.user, filters),
        "most_chars": settings.MAX_QUESTION_CHARS,
        "modes": [("hybrid", _("Both")), ("dense", _("Meaning")), ("lexical", _("Words"))],
    }
