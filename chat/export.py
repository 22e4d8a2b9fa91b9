"""A conversation to take along: JSON for programs, the others for people. Own conversations only."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts.models import User
from audit.problems import Problem
from chat import branches
from chat.export_docx import as_docx
from chat.export_pdf import as_pdf
from chat.failures import detail_of
from chat.models import Conversation, Message
from chat.paper import Paper, Turn, legend, paper
from chat.reads import record_export
from chat.replay import (
    citation_event,
    conflict_events,
    data_of,
    readable_chunks,
    readable_sources,
)
from chat.schemas import conversation_out
from ingest.models import Chunk

#: How the forms are offered, the most asked for first.
FORM_NAMES = (("pdf", "PDF"), ("docx", "Word"), ("md", "Markdown"), ("json", "JSON"))
#: What a conversation can be taken along as, with the type of each file.
FORMS = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def as_json(user: User, conversation: Conversation) -> dict[str, Any]:
    """The conversation, all its branches, with the passages that `user` may read now."""
    rows = list(with_all(conversation.messages.all()).order_by("ordinal"))
    chunks = readable_chunks(user, rows)
    shown = {at for turn in branches.shown(conversation) for at in (turn.question, turn.answer)}
    places = {row.ordinal: row.pk for row in rows}
    parents = branches.parents_of(conversation)
    messages = [
        {
            **message_json(user, row, chunks),
            "after": places.get(parents.get(row.ordinal, row.ordinal - 1)),
            "shown": row.ordinal in shown,
        }
        for row in rows
    ]
    return {**conversation_out(conversation), "messages": messages}


def with_all(messages: QuerySet[Message]) -> QuerySet[Message]:
    """`messages` with what message_json needs of each."""
    return messages.prefetch_related(
        "sources", "citations__source", "conflicts__source", "conflicts__other"
    )


def message_json(user: User, message: Message, chunks: Mapping[UUID, Chunk]) -> dict[str, Any]:
    """One question or answer with its passages among `chunks`, which `user` may read."""
    answers = message.role == Message.Role.ASSISTANT
    readable = readable_sources(user, message, chunks) if answers else {}
    code = message.error_code
    return {
        "id": message.pk,
        "role": message.role,
        "status": message.status,
        "text": message.text,
        "model": message.model,
        "assistant": message.assistant_name,
        "created_at": message.created_at,
        "error": {"code": code, "detail": detail_of(code)} if code else None,
        "passages": [asdict(data_of(n, source)) for n, source in readable.items()],
        "citations": [citation_event(row, readable).data() for row in message.citations.all()],
        "conflicts": [
            event.data()
            for row in message.conflicts.all()
            for event in conflict_events(row, readable)
        ],
    }


def shown_documents(exported: dict[str, Any]) -> set[UUID]:
    """The documents whose passages stand in what as_json gave."""
    passages = (passage for message in exported["messages"] for passage in message["passages"])
    return {UUID(passage["document"]["id"]) for passage in passages}


def as_file(user: User, conversation: Conversation, form: str) -> HttpResponse:
    """A conversation of `user`'s own as a download in one of FORMS; recorded.

    Raises Problem `invalid` for another form.
    """
    if form not in FORMS:
        raise Problem(422, "invalid", _("format: choose %(forms)s.") % {"forms": ", ".join(FORMS)})
    if form == "json":
        exported = as_json(user, conversation)
        documents, response = (
            shown_documents(exported),
            HttpResponse(JsonResponse(exported).content),
        )
    else:
        written = paper(user, conversation)
        documents, response = set(written.documents), HttpResponse(_WRITERS[form](written))
    record_export(user, conversation.pk, form, documents)
    response["Content-Type"] = FORMS[form]
    response["Content-Disposition"] = (
        f'attachment; filename="conversation-{conversation.pk}.{form}"'
    )
    return response


def as_markdown(paper: Paper) -> str:
    """Questions as headings, answers as text with their marks, a numbered list of sources below."""
    lines = [f"# {_escaped(paper.title)}", ""]
    for turn in paper.turns:
        lines += [f"## {_escaped(turn.question)}", ""]
        for paragraph in turn.paragraphs:
            said = " ".join(f"{_escaped(each.text)}{each.written()}" for each in paragraph)
            lines += [said, ""]
        if turn.note:
            lines += [f"*{_escaped(turn.note)}*", ""]
        lines += _conflicts(turn)
        lines += [f"- [{source.n}] {_escaped(source.written())}" for source in turn.sources]
        lines.append("")
    return "\n".join([*lines, "---", "", legend()]) + "\n"


def _conflicts(turn: Turn) -> list[str]:
    if not turn.conflicts:
        return []
    told = [f"**{_('The documents disagree')}**", ""]
    for each in turn.conflicts:
        told += [f"> - {_escaped(statement)}" for statement in each.statements]
        told += [">", f"> {_escaped(each.why)}", ""]
    return told


def _escaped(text: str) -> str:
    """Text that no Markdown reader takes for a link, an image, a heading or HTML."""
    plain = " ".join(text.split())
    for char in "\\`*_<>!@&":
        plain = plain.replace(char, f"\\{char}")
    if plain.startswith(("#", "=", "~")):
        plain = f"\\{plain}"
    return (
        plain.replace("](", "]\\(")
        .replace("]:", "]\\:")
        .replace("://", "\\://")
        .replace("www.", "www\\.")
    )


_WRITERS: dict[str, Callable[[Paper], str | bytes]] = {
    "md": as_markdown,
    "pdf": as_pdf,
    "docx": as_docx,
}
