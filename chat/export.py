"""A conversation to take along: JSON for programs, Markdown for people. Own conversations only."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from accounts.models import User
from chat.failures import detail_of
from chat.models import Conversation, Message
from chat.replay import citation_event, data_of, readable_chunks, readable_sources
from chat.schemas import conversation_out
from ingest.models import Chunk


def as_json(user: User, conversation: Conversation) -> dict[str, Any]:
    """The conversation with the passages that `user` may read now."""
    rows = list(
        conversation.messages.prefetch_related("sources", "citations__source__chunk").order_by(
            "ordinal"
        )
    )
    chunks = readable_chunks(user, rows)
    messages = [_message(user, row, chunks) for row in rows]
    return {**conversation_out(conversation), "messages": messages}


def _message(user: User, message: Message, chunks: Mapping[UUID, Chunk]) -> dict[str, Any]:
    answers = message.role == Message.Role.ASSISTANT
    readable = readable_sources(user, message, chunks) if answers else {}
    code = message.error_code
    return {
        "id": message.pk,
        "role": message.role,
        "status": message.status,
        "text": message.text,
        "model": message.model,
        "created_at": message.created_at,
        "error": {"code": code, "detail": detail_of(code)} if code else None,
        "passages": [asdict(data_of(n, source)) for n, source in readable.items()],
        "citations": [citation_event(row, readable).data() for row in message.citations.all()],
    }


def shown_documents(exported: dict[str, Any]) -> set[UUID]:
    """The documents whose passages stand in what as_json gave."""
    passages = (passage for message in exported["messages"] for passage in message["passages"])
    return {UUID(passage["document"]["id"]) for passage in passages}


def as_markdown(exported: dict[str, Any]) -> str:
    """What as_json gave: questions as headings, answers as text, a numbered list of sources below."""
    lines = [f"# {_escaped(exported['title'])}", ""]
    for message in exported["messages"]:
        if message["role"] == Message.Role.USER:
            lines += [f"## {_escaped(message['text'])}", ""]
            continue
        lines += [_escaped(message["text"] or (message["error"] or {}).get("detail", "")), ""]
        lines += [_source_line(passage) for passage in message["passages"]]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _source_line(passage: dict[str, Any]) -> str:
    place = passage["heading"] or ""
    page = f", {_escaped(passage['page_label'])}" if passage["page_label"] else ""
    return f"- [{passage['n']}] {_escaped(passage['document']['name'])}{page} {_escaped(place)}".rstrip()


def _escaped(text: str) -> str:
    """Text that no Markdown reader takes for a link, an image or HTML."""
    plain = " ".join(text.split())
    for char in "\\`*_<>!":
        plain = plain.replace(char, f"\\{char}")
    return plain.replace("](", "]\\(").replace("]:", "]\\:").replace("://", "\\://")
