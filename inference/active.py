"""Which chat model is active: SOVEREIGN_CHAT_MODEL to begin with, then what was activated.

Kept beside the registry. When the setting changes afterwards it is the newer word, and holds.
"""

import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from inference.model import read_json, write_json

FILE = "active.json"
#: Changes that are remembered.
MOST = 100

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Change:
    """One switch. `by`: the id of a person, or the account of this machine; `how`: activated, rolled-back."""

    name: str
    sha256: str
    at: str
    by: str
    how: str


class ActiveModel:
    """The state in one folder of models."""

    def __init__(self, folder: Path, start: str) -> None:
        self._file, self._start = folder / FILE, start

    def name(self) -> str:
        """The chat model to load at a start."""
        content = self._content()
        return str(content["active"]) if content else self._start

    def history(self) -> list[Change]:
        """Newest first."""
        listed = read_json(self._file).get("history")
        fields = Change.__dataclass_fields__
        return [
            Change(**{field: str(item.get(field, "")) for field in fields})
            for item in (listed if isinstance(listed, list) else [])
            if isinstance(item, dict)
        ]

    def before(self) -> str:
        """The one that was active before this one; empty where there was none."""
        return str(self._content().get("before") or "")

    def keep(self, name: str, sha256: str, by: str, how: str) -> None:
        """NAME is active from now on."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with _lock:
            before = self.name()
            history = [asdict(Change(name, sha256, at, by, how))]
            history += [asdict(change) for change in self.history()]
            content = {"start": self._start, "active": name, "before": before}
            write_json(self._file, content | {"history": history[:MOST]})

    def _content(self) -> dict[str, Any]:
        content = read_json(self._file)
        known = content.get("start") == self._start and isinstance(content.get("active"), str)
        return content if known else {}


def active_model() -> ActiveModel:
    """That of the settings."""
    return ActiveModel(Path(settings.MODELS_DIR), settings.CHAT_MODEL)


def chat_model() -> str:
    """The name of the chat model that is to be loaded."""
    return active_model().name()
