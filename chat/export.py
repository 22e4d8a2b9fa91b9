"""A conversation to take along: JSON for programs, Markdown for people. Own conversations only."""

from dataclasses import asdict
from typing import Any

from accounts.models import User
from chat.failures import detail_of
from chat.models import Conversation, Message
from chat.replay import citation_event, data_of, readable_sources
from chat.schemas import conversation_out


def as_json(user: User, conversation: Conversation) -> dict[str, Any]:
    """The conversation with the passages that `user` may read now."""
    rows = conversation.messages.prefetch_related("sources", "citations__source__chunk").order_by(
        "ordinal"
    )
    return {**conversation_out(conversation), "messages": [_message(user, row) for row in rows]}


def _message(user: User, message: Message) -> dict[str, Any]:
    readable = readable_sources(user, message) if message.role == Message.Role.ASSISTANT else {}
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


def as_markdown(user: User, conversation: Conversation) -> str:
    """Questions as headings, answers as text, sources as a numbered list below each."""
    lines = [f"# {_escaped(conversation.title)}", ""]
    for message in as_json(user, conversation)["messages"]:
        if message["role"] == Message.Role.USER:
            lines += [f"## {_escaped(message['text'])}", ""]
            continue
        lines += [_escaped(message["text"] or (message["error"] or {}).get("detail", "")), ""]
        lines += [_source_line(passage) for passage in message["passages"]]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _source_line(passage: dict[str, Any]) -> str:
    place = passage["heading"] or ""
    page = f", p. {passage['page']}" if passage["page"] else ""
    return f"- [{passage['n']}] {_escaped(passage['document']['name'])}{page} {_escaped(place)}".rstrip()


def _escaped(text: str) -> str:
    """Text that no Markdown reader takes for a link, an image or HTML."""
    plain = " ".join(text.split())
    for char in "\\`*_<>!":
        plain = plain.replace(char, f"\\{char}")
    return plain.replace("](", "]\\(").replace("]:", "]\\:").replace("://", "\\://")
