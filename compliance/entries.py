"""Entries as the pages show them: in words, with names of people, groups and collections.

Of documents, answers and conversations the page knows ids alone.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import Group, User
from audit.models import Entry
from compliance.forms import as_uuid
from compliance.words import kind, label
from ingest.models import Collection

NAMED = {"user": User, "group": Group, "collection": Collection}


@dataclass(frozen=True, slots=True)
class Shown:
    """`actor` and `target` are names where somebody or something of that id is there, else empty."""

    entry: Entry
    words: str
    kind: str
    actor: str
    target: str
    details: str


def shown(found: Sequence[Entry]) -> list[Shown]:
    """The entries with the names of their actors and targets, in four queries at most."""
    names = {("user", key): name for key, name in _names("user", (entry.actor for entry in found))}
    for about in NAMED:
        keys = (entry.target_id for entry in found if entry.target_type == about)
        names |= {(about, key): name for key, name in _names(about, keys)}
    return [_shown(entry, names) for entry in found]


def _shown(entry: Entry, names: dict[tuple[str, str], str]) -> Shown:
    return Shown(
        entry=entry,
        words=label(entry.action),
        kind=kind(entry.action),
        actor=names.get(("user", entry.actor), ""),
        target=names.get((entry.target_type, entry.target_id), ""),
        details=json.dumps(
            entry.data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2, sort_keys=True
        ),
    )


def _names(about: str, keys: Iterable[str]) -> list[tuple[str, str]]:
    wanted = {key for key in keys if as_uuid(key)}
    if not wanted:
        return []
    model = NAMED[about]
    field = "email" if model is User else "name"
    rows = model._default_manager.filter(pk__in=wanted).values_list("pk", field)
    return [(str(key), name) for key, name in rows]
