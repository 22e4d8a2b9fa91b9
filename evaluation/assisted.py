"""Runs of answers whose questions are put to an assistant, as it was when the run began."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from audit.problems import Problem
from chat.ask import Ask
from chat.assistant_access import usable
from chat.assistant_use import chosen, put_to, require_somewhere
from chat.models import Assistant
from chat.refusals import QuestionRefused
from evaluation.models import QuestionSet, Run

Config = dict[str, Any]


def assistant_of(
    user: User, found: QuestionSet, kind: str, wanted: UUID | None
) -> Assistant | None:
    """The assistant that a run is to ask.

    Raises Problem `invalid`, `assistant-closed`, `assistant-nowhere`.
    """
    if wanted is None:
        return None
    if kind != Run.Kind.ANSWERS:
        raise Problem(422, "invalid", _("An assistant writes answers: it is no part of finding."))
    try:
        assistant = chosen(user, wanted)
        require_somewhere(user, assistant, list(found.collections.values_list("pk", flat=True)))
    except QuestionRefused as refused:
        raise Problem(409, refused.code, refused.detail) from refused
    return assistant


def told(assistant: Assistant | None) -> Config:
    """What a run's settings say of it."""
    if assistant is None:
        return {}
    return {
        "assistant": assistant.name,
        "assistant_id": str(assistant.pk),
        "assistant_version": assistant.version,
    }


def put(ask: Ask, config: Mapping[str, Any]) -> tuple[Ask, str]:
    """`ask` put to the assistant of a run, and a code where it is not open, or not as it was, any more."""
    if "assistant_id" not in config:
        return ask, ""
    found = usable(ask.user).filter(pk=config["assistant_id"]).first()
    if found is None:
        return ask, "assistant-closed"
    if found.version != config["assistant_version"]:
        return ask, "assistant-changed"
    return put_to(ask, found), ""
