"""Where a model came from, when, and by whom it was brought here."""

import os
import pwd
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: What the kernel writes where nobody signed in to start this process (a service, a container).
_NOBODY = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Origin:
    """`how` is `fetched` or `added`; `source` names the packages with their hashes, or the path.

    Empty where the model was brought before this was kept.
    """

    how: str = ""
    source: str = ""
    at: str = ""
    by: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def now(how: str, source: str) -> Origin:
    """An origin of this moment, by whoever signed in to this machine and runs this process."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Origin(how, source, at, who())


def read(content: Any) -> Origin:
    """The origin in a registry's JSON; an empty one where there is none or it is damaged."""
    if not isinstance(content, dict):
        return Origin()
    return Origin(**{name: str(content.get(name, "")) for name in ("how", "source", "at", "by")})


def who() -> str:
    """The account that signed in, which the kernel keeps through sudo; else that of the process."""
    try:
        user = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        user = _NOBODY
    user = os.getuid() if user == _NOBODY else user
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"
