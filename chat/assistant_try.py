"""A question put to an assistant that is not kept yet. Neither it nor the question is kept."""

from functools import partial
from uuid import uuid4

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit.problems import Problem
from chat.ask import Ask, Guise
from chat.assistant_forms import AssistantForm
from chat.assistant_models import version_of
from chat.assistants import Draft, checked
from chat.conversations import checked_question
from chat.private import private_events
from chat.private_views import begun, rendered
from chat.refusals import QuestionRefused, refused
from chat.streaming import event_stream
from ingest.access import readable_ids
from ingest.pages import PageRequest

_FIELDS = (
    "question", "name", "description", "instructions", "where", "collections", "model",
    "temperature", "answer_tokens", "starters",
)  # fmt: skip


@require_POST
def begin(request: PageRequest) -> HttpResponse:
    """The question as the thread shows it. The page then asks `answer` with the same fields."""
    try:
        asked = _asked(request)
    except (QuestionRefused, Problem) as error:
        return refused(request, str(error.detail))
    return begun(request, asked, _FIELDS, reverse("chat:assistant-try-answer"))


@require_POST
def answer(request: PageRequest) -> HttpResponseBase:
    """Answer as server-sent events."""
    try:
        asked = _asked(request)
    except (QuestionRefused, Problem) as error:
        return HttpResponse(str(error.detail), status=422, content_type="text/plain; charset=utf-8")
    return event_stream(partial(private_events, asked, partial(rendered, request)))


def _asked(request: PageRequest) -> Ask:
    question = checked_question(request.POST.get("question", ""))
    kept = request.POST.get("model", "")[:150]
    form = AssistantForm(request.user, request.POST, kept=kept)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        label = form.fields[name].label if name in form.fields else ""
        raise QuestionRefused("question-invalid", f"{label}: {errors[0]}")
    draft = checked(request.user, form.draft())
    wanted = None if draft.everywhere else draft.collections
    collections = tuple(readable_ids(request.user, wanted))
    if not collections:
        raise QuestionRefused("assistant-nowhere", _("Choose at least one collection to ask."))
    return Ask(
        user=request.user,
        question=question,
        collections=collections,
        answer=uuid4(),
        model=draft.model,
        max_tokens=draft.answer_tokens,
        temperature=draft.temperature,
        assistant=_guise(draft),
    )


def _guise(draft: Draft) -> Guise:
    where = None if draft.everywhere else draft.collections
    made = (draft.model, draft.instructions, draft.temperature, draft.answer_tokens)
    return Guise(draft.name, version_of(where, *made), draft.instructions, draft.model)
