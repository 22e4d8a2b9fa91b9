"""The pages of shared conversations: what their owner decides, and what their readers see."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from audit.problems import Problem
from chat.access import get_answer, get_conversation
from chat.exchanges import Exchange
from chat.models import Message, Share
from chat.present import presented
from chat.reads import record_read
from chat.share_access import get_own_share, get_shared, is_own, shared_with
from chat.share_audience import (
    Recipients,
    erased_answers,
    lacking,
    named,
    recipients_of,
)
from chat.share_reading import Pair, Reading, pairs_of, read_shared, record_opened
from chat.shares import (
    branch_answers,
    change_recipients,
    locked,
    share_answer,
    shares_of,
    up_to,
    withdraw,
)
from ingest.forms import PrincipalForm
from ingest.pages import PageRequest, confirm

#: Shared conversations in the list, and answers of one, that are shown at once.
LISTED = 30
SHOWN = 20
#: Farther than anybody turns pages.
MOST_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient as the owner's page lists them."""

    principal: str
    name: str
    email: str = ""

    @property
    def is_group(self) -> bool:
        return self.principal.startswith("group:")


@require_http_methods(["GET", "POST"])
def share(request: PageRequest, pk: UUID) -> HttpResponse:
    """Share a conversation up to this answer, or let one more look at what is shared up to there."""
    answer = get_answer(request.user, pk)
    try:
        answers = branch_answers(up_to(request.user, answer))
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("chat:conversation", pk=answer.conversation_id)
    context = {"answer": answer, "answers": len(answers), "erased": erased_answers(answers)}
    if request.method == "GET":
        return render(request, "chat/share.html", {**context, "form": PrincipalForm()})
    there = next(
        (each for each in shares_of(answer.conversation) if each.ordinal == answer.ordinal), None
    )
    return _name(request, answer, there, answers, context)


@require_GET
def shares(request: PageRequest, pk: UUID) -> HttpResponse:
    """With whom a conversation of one's own is shared."""
    conversation = get_conversation(request.user, pk)
    found = shares_of(conversation)
    pairs = pairs_of(found)
    listed = [
        {"share": each, "pairs": pairs[each.pk], "recipients": _listed(recipients_of(each))}
        for each in found
    ]
    context = {"conversation": conversation, "shares": listed}
    return render(request, "chat/shares.html", context)


@require_POST
def remove(request: PageRequest, pk: UUID) -> HttpResponse:
    """Let one recipient look no longer; with the last one the share ends."""
    found = get_own_share(request.user, pk)
    with transaction.atomic():
        # Held still: who is named in another tab meanwhile stays named.
        found = locked(request.user, found)
        kept = _without(recipients_of(found), request.POST.get("principal", ""))
        if kept.principals():
            change_recipients(request.user, found, kept)
        else:
            withdraw(request.user, found)
    messages.success(request, _("Saved."))
    return redirect("chat:shares", pk=found.conversation_id)


@require_http_methods(["GET", "POST"])
def end(request: PageRequest, pk: UUID) -> HttpResponse:
    """Withdraw a share."""
    found = get_own_share(request.user, pk)
    back = reverse("chat:shares", args=[found.conversation_id])
    if request.method == "POST":
        withdraw(request.user, found)
        messages.success(request, _("It is shared no longer."))
        return redirect(back)
    return confirm(
        request,
        title=_("Share this no longer?"),
        text=_("Nobody but you can open it from then on. The conversation stays as it is."),
        action=reverse("chat:share-end", args=[pk]),
        button=_("Share no longer"),
        back=back,
    )


@require_GET
def shared(request: PageRequest) -> HttpResponse:
    """What others share with the person, newest first."""
    try:
        number = min(max(1, int(request.GET.get("page", "1"))), MOST_PAGES)
    except ValueError:
        number = 1
    start = (number - 1) * LISTED
    found = list(shared_with(request.user)[start : start + LISTED + 1])
    context = {
        "readings": read_shared(request.user, found[:LISTED]),
        "before": number - 1,
        "after": number + 1 if len(found) > LISTED else 0,
    }
    return render(request, "chat/shared_list.html", context)


@require_GET
def read(request: PageRequest, pk: UUID) -> HttpResponse:
    """A shared conversation. It is looked at and nothing else."""
    found = get_shared(request.user, pk)
    reading = read_shared(request.user, [found])[0]
    own = is_own(request.user, found)
    if own:
        record_read(request.user, reading.answers, reading.chunks)
    else:
        record_opened(request.user, reading)
    earlier = "all" not in request.GET and len(reading.pairs) > SHOWN
    context = {
        "reading": reading,
        "exchanges": _exchanges(
            request, reading, reading.pairs[-SHOWN:] if earlier else reading.pairs
        ),
        "earlier": earlier,
        "own": own,
    }
    return render(request, "chat/shared.html", context)


def _exchanges(request: PageRequest, reading: Reading, pairs: tuple[Pair, ...]) -> list[Exchange]:
    answers = [pair.answer for pair in pairs]
    shown = presented(request.user, answers, reading.chunks)
    return [Exchange(*each) for each in zip(answers, shown, strict=True)]


def _name(
    request: PageRequest,
    answer: Message,
    there: Share | None,
    answers: list[Message],
    context: dict[str, Any],
) -> HttpResponse:
    """Take one more recipient; where they could not see all, only after that was said."""
    form = PrincipalForm(request.POST)
    page = {**context, "form": form}
    if not form.is_valid():
        return render(request, "chat/share.html", page, status=422)
    try:
        one = named(request.user, [form.cleaned_data["principal"]])
    except Problem as problem:
        form.add_error(None, str(problem.detail))
        return render(request, "chat/share.html", page, status=422)
    found = lacking(request.user, answers, one)
    if found and "sure" not in request.POST:
        return render(request, "chat/share_sure.html", {**page, "lacking": found})
    try:
        if there:
            _add(request.user, there, one)
        else:
            share_answer(request.user, answer, one)
    except Problem as problem:
        form.add_error(None, str(problem.detail))
        return render(request, "chat/share.html", page, status=problem.status)
    messages.success(request, _("Shared with %(name)s.") % {"name": one.names()[0]})
    return redirect("chat:shares", pk=answer.conversation_id)


@transaction.atomic
def _add(user: User, share: Share, one: Recipients) -> None:
    """Name one more beside those who are named when her turn comes."""
    share = locked(user, share)
    everyone = named(user, [*recipients_of(share).principals(), *one.principals()])
    change_recipients(user, share, everyone)


def _without(recipients: Recipients, principal: str) -> Recipients:
    return Recipients(
        tuple(user for user in recipients.users if f"user:{user.pk}" != principal),
        tuple(group for group in recipients.groups if f"group:{group.pk}" != principal),
    )


def _listed(recipients: Recipients) -> list[Named]:
    people = [
        Named(f"user:{user.pk}", str(user), user.email if user.name else "")
        for user in recipients.users
    ]
    return people + [Named(f"group:{group.pk}", group.name) for group in recipients.groups]
