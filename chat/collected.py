"""The events of one answer -> one object."""

from collections.abc import Iterable
from typing import Any

from chat.choice import EXTRACTIVE
from chat.events import (
    CitationEvent,
    Condensed,
    ConflictEvent,
    Done,
    Event,
    Failed,
    LookedFirst,
    Sources,
    Started,
    Token,
    Withdrawn,
)

_AT_THE_END = ("status", "tokens", "ms", "confidence", "energy_wh", "energy_by", "cost")


def collected(events: Iterable[Event]) -> dict[str, Any]:
    """The events of one answer as one object: the content of `stream: false`."""
    body: dict[str, Any] = {
        "answer": "", "conversation": "", "model": "", "assistant": "", "condensed": "", "named": [],
        "passages": [], "text": "",
        "citations": [], "conflicts": [], "status": "failed", "tokens": {}, "ms": {},
        "confidence": None,
        "energy_wh": None, "energy_by": None, "cost": None, "error": None,
    }  # fmt: skip
    for event in events:
        if isinstance(event, CitationEvent | ConflictEvent):
            _rests(body, event)
        else:
            body |= _told(body, event)
    return body


def _told(body: dict[str, Any], event: Event) -> dict[str, Any]:
    """What changes by an event."""
    match event:
        case Started():
            names = ("answer", "conversation", "model", "assistant")
            return {name: getattr(event, name) for name in names}
        case Condensed():
            return {"condensed": event.question}
        case LookedFirst():
            return {"named": event.data()["documents"]}
        case Sources():
            return {"passages": event.data()["passages"]}
        case Token():
            return {"text": body["text"] + event.text}
        case Withdrawn():
            return {"text": "", "citations": [], "model": EXTRACTIVE}
        case Done():
            return {name: getattr(event, name) for name in _AT_THE_END}
        case Failed():
            return {"error": event.data()}
    return {}


def _rests(body: dict[str, Any], event: CitationEvent | ConflictEvent) -> None:
    told = event.data()
    if passage := told.pop("passage", None):
        body["passages"] = [*body["passages"], passage]
    body["citations" if isinstance(event, CitationEvent) else "conflicts"].append(told)
