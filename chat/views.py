"""The Ask page and its fragments. What they do is in chat/conversations.py."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from chat import branches
from chat.assistant_access import open_and_closed, usable
from chat.choice import too_slow
from chat.conversations import (
    QuestionRefused,
    ask_again,
    conversations_for,
    delete_conversation,
    get_answer,
    get_conversation,
    last_filters,
    rename_conversation,
    request_stop,
    start_answer,
)
from chat.exchanges import exchange, exchanges
from chat.export import FORM_NAMES
from chat.filter_form import filters_of, narrowing, wished
from chat.forms import AskForm, RenameForm
from chat.models import Assistant, Conversation, Message
from chat.refusals import refused
from chat.search_form import SearchForm
from chat.shares import shared_names
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.access import collections_for, searchable
from ingest.filters import Filters
from ingest.models import Collection
from ingest.pages import PageRequest, confirm, page_or_fragment
from ingest.samples import SAMPLE

#: Conversations in the list, and exchanges of a conversation, that are shown at once.
LISTED = 40
SHOWN = 20
#: Assistants that a list to choose from holds; the one in use is there all the same.
MOST_ASSISTANTS = 200
#: Farther than anybody scrolls; a database refuses an offset of 30 digits.
MOST_LISTED = 100_000


@require_GET
def ask(request: PageRequest) -> HttpResponse:
    """A new conversation; with `?private` one that is kept nowhere."""
    context = _page(request) | {"private": "private" in request.GET}
    return render(request, "chat/ask.html", context)


@require_GET
def conversation(request: PageRequest, pk: UUID) -> HttpResponse:
    return render(request, "chat/ask.html", _page(request, get_conversation(request.user, pk)))


@require_GET
def conversations(request: PageRequest) -> HttpResponse:
    """The rest of the list, from `?after=` on."""
    try:
        after = min(max(0, int(request.GET.get("after", "0"))), MOST_LISTED)
    except ValueError:
        after = 0
    return render(request, "chat/_conversation_items.html", _listed(request, after=after))


@require_POST
def send(request: PageRequest) -> HttpResponse:
    """Take a question. Scripts get the exchange, whose answer they then stream; others the page."""
    readable = list(collections_for(request.user).values_list("id", flat=True))
    form = AskForm(request.POST, readable)
    try:
        answer = _start(request, form, filters_of(request.user, request.POST))
    except (QuestionRefused, Problem) as error:
        return _refused(request, str(error.detail))
    return _sent(request, answer)


@require_POST
def again(request: PageRequest, pk: UUID) -> HttpResponse:
    """Ask once more: with the filters beside the composer where they come along, else as before."""
    try:
        filters = filters_of(request.user, request.POST) if "filters" in request.POST else None
        alike = "alike" in request.POST
        answer = ask_again(request.user, get_answer(request.user, pk), filters, alike=alike)
    except (QuestionRefused, Problem) as error:
        return _refused(request, str(error.detail))
    return _sent(request, answer)


@require_GET
def message(request: PageRequest, pk: UUID) -> HttpResponse:
    """One answer as it stands."""
    context = {"exchange": exchange(request.user, get_answer(request.user, pk)), "last": True}
    return render(request, "chat/_answer.html", context)


@require_POST
def stop(request: PageRequest, pk: UUID) -> HttpResponse:
    request_stop(request.user, get_answer(request.user, pk))
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
def rename(request: PageRequest, pk: UUID) -> HttpResponse:
    conversation = get_conversation(request.user, pk)
    form = RenameForm(request.POST or None, instance=conversation)
    if request.method == "POST" and form.is_valid():
        rename_conversation(request.user, conversation, form.cleaned_data["title"])
        return redirect("chat:conversation", pk=pk)
    context = {"conversation": conversation, "form": form}
    return page_or_fragment(request, "chat/rename.html", "chat/_rename.html", context)


@require_http_methods(["GET", "POST"])
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    conversation = get_conversation(request.user, pk)
    if request.method == "POST":
        try:
            delete_conversation(request.user, conversation)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("chat:conversation", pk=pk)
        messages.success(request, _("The conversation was deleted."))
        return redirect("chat:ask")
    return confirm(
        request,
        title=_("Delete this conversation?"),
        text=_("“%(title)s” and its answers will be gone for good.") % {"title": conversation},
        action=reverse("chat:delete", args=[pk]),
        button=_("Delete"),
        back=reverse("chat:conversation", args=[pk]),
    )


@require_GET
def engine(request: PageRequest) -> HttpResponse:
    """What writes the answers now; the page asks after it is shown, so that it never waits."""
    try:
        models = get_client().models()
        state = "slow" if models and too_slow(models[0]) else "chat" if models else "extractive"
    except ModelsUnavailable:
        state = "down"
    return render(request, "chat/_engine.html", {"state": state})


def _start(request: PageRequest, form: AskForm, filters: Filters) -> Message:
    if not form.is_valid():
        raise QuestionRefused("question-invalid", str(next(iter(form.errors.values()))[0]))
    pk = form.cleaned_data["conversation"]
    conversation = get_conversation(request.user, pk) if pk else None
    narrowed = conversation is not None and conversation.collections.exists()
    return start_answer(
        request.user,
        question=form.cleaned_data["question"],
        collections=form.chosen(narrowed=narrowed),
        conversation=conversation,
        filters=filters,
        assistant=form.put_to(),
    )


def _sent(request: PageRequest, answer: Message) -> HttpResponse:
    if not request.htmx:
        return redirect("chat:conversation", pk=answer.conversation_id)
    context = _listed(request, answer.conversation)
    context |= {"exchange": exchange(request.user, answer), "last": True}
    return render(request, "chat/_sent.html", context)


def _refused(request: PageRequest, detail: str) -> HttpResponse:
    if request.htmx:
        return refused(request, detail)
    messages.error(request, detail)
    return redirect("chat:ask")


def _page(request: PageRequest, conversation: Conversation | None = None) -> dict[str, Any]:
    readable = list(_readable(request))
    chosen = set(conversation.collections.values_list("id", flat=True)) if conversation else set()
    if conversation is None:
        chosen = _named_collections(request)
    every = not chosen or chosen.issuperset(collection.id for collection in readable)
    return {
        **narrowing(
            request.user, last_filters(conversation) if conversation else wished(request.GET)
        ),
        "typed": request.GET.get("question", "")[: settings.MAX_QUESTION_CHARS],
        **_listed(request, conversation),
        **_thread(request, conversation),
        **_assistants(request, conversation),
        "collections": readable,
        "chosen": {collection.id for collection in readable} if every else chosen,
        "has_documents": any(collection.ready for collection in readable),
        "examples": _examples() if any(found.pk == SAMPLE for found in readable) else [],
    }


def _named_collections(request: PageRequest) -> set[UUID]:
    """Those that the address names: the search page leads here with where it looked."""
    form = SearchForm(request.GET, request.user)
    form.is_valid()
    return set(form.cleaned_data.get("collections") or ())


def _assistants(request: PageRequest, conversation: Conversation | None) -> dict[str, Any]:
    """Those that may be asked, and the one that is: the conversation's, or that of the address."""
    found = list(usable(request.user)[:MOST_ASSISTANTS])
    wanted = str(conversation.assistant_id) if conversation else request.GET.get("assistant", "")
    current = next((each for each in found if str(each.pk) == wanted), None)
    if current is None and (other := _usable(request, wanted)):
        found.append(current := other)
    closed = open_and_closed(request.user, current)[1] if current and not conversation else 0
    return {"assistants": found, "assistant": current, "closed": closed}


def _usable(request: PageRequest, wanted: str) -> Assistant | None:
    """One that is not among the first, by what an address says."""
    try:
        return usable(request.user).filter(pk=UUID(wanted)).first()
    except ValueError:
        return None


def _asks_closed(request: PageRequest, conversation: Conversation | None) -> bool:
    """Whether the conversation was put to an assistant that is not open any more."""
    if conversation is None or conversation.assistant_id is None:
        return False
    return not usable(request.user).filter(pk=conversation.assistant_id).exists()


def _examples() -> list[str]:
    """Questions that the sample handbook answers."""
    return [
        _("How many days of annual leave do I have?"),
        _("What does the company pay for a kilometre in my own car?"),
        _("How many days a week may I work remotely?"),
    ]


def _readable(request: PageRequest) -> QuerySet[Collection, Any]:
    ready = Count("documents", filter=searchable("documents__"))
    return collections_for(request.user).annotate(ready=ready)


def _listed(
    request: PageRequest, current: Conversation | None = None, *, after: int = 0
) -> dict[str, Any]:
    found = list(conversations_for(request.user)[after : after + LISTED + 1])
    return {
        "conversation": current,
        "asks_closed": _asks_closed(request, current),
        "shared_with": shared_names(current) if current else [],
        "forms": FORM_NAMES,
        "conversations": found[:LISTED],
        "more_after": after + LISTED if len(found) > LISTED else None,
    }


def _thread(request: PageRequest, conversation: Conversation | None) -> dict[str, Any]:
    if conversation is None:
        return {"exchanges": [], "earlier": False}
    turns = branches.shown(conversation)
    earlier = "all" not in request.GET and len(turns) > SHOWN
    shown = turns[-SHOWN:] if earlier else turns
    return {"exchanges": exchanges(request.user, conversation, shown), "earlier": earlier}
