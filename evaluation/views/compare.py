"""Two runs side by side: what became better, what worse, and which settings differ."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.http import admin_required
from audit.problems import Problem
from evaluation import charts, words
from evaluation.access import get_run
from evaluation.compare import Changed, Comparison, Difference, Pair, compare
from evaluation.models import Run
from evaluation.views.runs import others
from ingest.pages import PageRequest, page_or_fragment

PAGE = 50
#: Differences that chance alone would bring about this rarely are called so.
RARE = 0.05


@require_GET
@admin_required
def comparison(request: PageRequest, pk: UUID) -> HttpResponse:
    """`?with=` another run, `?score=` whose questions are listed, `?show=won|lost`."""
    run = get_run(request.user, pk)
    candidates = others(run)
    other = get_run(request.user, _uuid(request.GET["with"])) if request.GET.get("with") else None
    other = other or _before(run, candidates)
    if other is not None and not request.GET.get("with") and other.created_at > run.created_at:
        # The first of its set is what the newer one is compared with.
        address = reverse("evaluation:compare", args=[other.pk])
        return redirect(f"{address}?with={run.pk}")
    context: dict[str, Any] = {"run": run, "set": run.set, "other": other, "others": candidates}
    if other is not None:
        try:
            context |= _shown(request, compare(other, run), run)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("evaluation:run", pk=pk)
    page, fragment = "evaluation/compare.html", "evaluation/_pairs.html"
    return page_or_fragment(request, page, fragment, context)


def _before(run: Run, candidates: Sequence[Run]) -> Run | None:
    """The run before it, of its own kind; the newest where it is the first."""
    earlier = (each for each in candidates if each.created_at < run.created_at)
    return next(earlier, None) or next(iter(candidates), None)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _shown(request: PageRequest, found: Comparison, run: Run) -> dict[str, Any]:
    names = [difference.name for difference in found.scores]
    asked = request.GET.get("score", "")
    name = asked if asked in names else words.main(run.kind, names)
    show = request.GET.get("show", "")
    pairs = [pair for pair in found.questions if _wanted(pair, name, show)]
    query = request.GET.copy()
    query.pop("page", None)
    return {
        "comparison": found,
        "rows": [(charts.difference(each), _verdict(each)) for each in found.scores],
        "settings": [_changed(each) for each in found.config],
        "choices": [(each, words.score(each)) for each in names],
        "score": name,
        "show": show if show in ("won", "lost") else "",
        "page": Paginator(pairs, PAGE).get_page(request.GET.get("page")),
        "query": query.urlencode(),
    }


def _changed(found: Changed) -> tuple[str, Any, Any]:
    a, b = (words.value(found.name, value) for value in (found.a, found.b))
    return words.setting(found.name), a, b


def _wanted(pair: Pair, name: str, show: str) -> bool:
    won, lost = name in pair.won, name in pair.lost
    return {"won": won, "lost": lost}.get(show, won or lost)


def _verdict(found: Difference) -> str:
    """ "better", "worse", or "" where chance may have made the difference."""
    if found.p >= RARE:
        return ""
    return "better" if found.won > found.lost else "worse"
