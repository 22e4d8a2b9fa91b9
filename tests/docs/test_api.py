"""docs/api.md names every call of the schema and every event, and none that is not there."""

import re
from dataclasses import fields
from pathlib import Path

from django.conf import settings

from chat.events import Event

DOC = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text(encoding="utf-8")
#: Fields that an event carries inside the product and does not send.
UNSENT = {"started": {"sha256"}, "done": {"signals"}}
CALLS = re.compile(r"^\| `([A-Z]+) (/[^`]+)` \|", re.MULTILINE)


def operations() -> dict[tuple[str, str], list[str]]:
    from sovereign.api import api

    return {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path)): operation.get("security", [])
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }


def documented() -> set[tuple[str, str]]:
    return set(CALLS.findall(DOC))


def test_every_operation_is_documented() -> None:
    assert sorted(operations().keys() - documented()) == []


def test_every_documented_operation_exists() -> None:
    health = {("GET", "/livez"), ("GET", "/readyz")}
    assert sorted(documented() - operations().keys() - health) == []


def test_every_event_is_documented_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+)` \| `\{(.*)", DOC, re.MULTILINE))
    # A dataclass with slots is a second class beside the one that it was written as.
    # Those of other modules are between a page and its script.
    events = {
        event.name: event
        for event in Event.__subclasses__()
        if event.name and event.__module__ == Event.__module__
    }
    assert sorted(events) == sorted(rows)
    for event in events.values():
        sent = {field.name for field in fields(event)} - UNSENT.get(event.name, set())
        missing = [name for name in sent if name not in rows[event.name]]
        assert missing == [], event.name
