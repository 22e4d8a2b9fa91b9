"""How far a rebuild of the indexes is: ids and counts in DATA_DIR/reindex.json, gone when it ends."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from django.conf import settings
from django.utils import timezone

#: Of an older one too much has changed: it begins anew.
OLDEST = timedelta(days=1)
#: Seconds between two writes.
OFTEN = 1.0


@dataclass(slots=True)
class State:
    """`part` ("words", "vectors", "check") of the collection number `at`: `done` of `total` documents.

    `after`: the last one; `name`: the collection of Chroma that is being built.
    """

    collections: list[str]
    began: str
    at: int = 0
    part: str = "words"
    after: str = ""
    name: str = ""
    done: int = 0
    total: int = 0
    went_on: bool = False
    written: float = field(default=0.0, repr=False)

    def as_json(self) -> dict[str, object]:
        named = asdict(self)
        return {key: value for key, value in named.items() if key not in ("written", "name")}


def _file() -> Path:
    return Path(settings.DATA_DIR) / "reindex.json"


def load(collections: list[str], *, anew: bool) -> State:
    """Where a rebuild of the same collections was interrupted, or the beginning."""
    found = None if anew else read()
    if found is not None and found.collections == collections and _is_young(found):
        found.went_on = True
        return found
    return State(collections, timezone.now().isoformat())


def read() -> State | None:
    """What stands in the file; None where there is none, or none of ours."""
    try:
        found = State(**json.loads(_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None
    # The clock of another boot.
    found.written = 0.0
    return found


def _is_young(state: State) -> bool:
    try:
        return timezone.now() - datetime.fromisoformat(state.began) < OLDEST
    except (ValueError, TypeError):
        return False


def save(state: State) -> None:
    draft = _file().with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(state), file)
    draft.replace(_file())
    state.written = monotonic()


def save_now_and_then(state: State) -> None:
    if monotonic() - state.written >= OFTEN:
        save(state)


def forget() -> None:
    _file().unlink(missing_ok=True)
