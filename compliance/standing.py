"""What stands at a start: code, settings, models, wall. A change since the last start is recorded.

The record holds hashes and the names of what changed; EVIDENCE_DIR/standing.json holds the values to
compare with, never a secret.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import rfc8785
from django.conf import settings
from django.db import transaction

from audit import actions
from audit.record import record
from compliance import sources
from inference.active import chat_model
from inference.model import read_json
from inference.registry import Registry
from wall import ownfiles, status

#: Shown as set or not set: secrets, and what names a person.
_HIDDEN = re.compile(r"(?:PASSWORD|SECRET|TOKEN|_KEY|_KEY_COMMAND|EMAIL)$")
_SET, _NOT_SET = "set", "not set"

#: part of the standing -> what a change of it is called in the record
CHANGES = {
    "settings": actions.SETTINGS_CHANGED,
    "models": actions.MODELS_CHANGED,
    "wall": actions.WALL_CHANGED,
}


def shown_settings() -> dict[str, str]:
    """Every setting that is in force, by name; secrets as `set` or `not set`, URLs without passwords."""
    return {name: _shown(name, value) for name, value in sorted(settings.IN_FORCE.items())}


def models() -> dict[str, str]:
    """The files of the models that are here, `model/file` -> SHA-256 that each must have; which is active."""
    here = Registry(settings.MODELS_DIR).here()
    files = {f"{each.name}/{name}": digest for each in here for name, digest in each.files.items()}
    return files | {"active": chat_model()}


def wall() -> dict[str, str]:
    """Which wall the launcher made and what crosses it; {} without a launcher."""
    found = status.read(Path(settings.RUN_DIR))
    if found is None:
        return {}
    gates = {
        f"gate {gate['name']}": f"{gate['host']} {gate['address']} {gate['port']}"
        for gate in found.gates
    }
    return gates | {
        "wall": found.wall,
        "why": ", ".join(found.why),
        "seccomp": str(found.seccomp),
        "landlock": str(found.landlock_abi),
        "listening": " ".join(str(value) for value in found.listening.values()),
        "require": str(settings.REQUIRE_WALL),
    }


def sha256(content: Any) -> str:
    """SHA-256 of the canonical JSON (RFC 8785) of `content`."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def record_start() -> list[str]:
    """Record this start, and what changed since the last. Returns the actions of the changes."""
    code = sources.sources(settings.BASE_DIR)
    before = read_json(file())
    now = {"settings": shown_settings(), "models": models(), "wall": wall()}
    hashes = {name: sha256(content) for name, content in now.items()}
    changed = [name for name in CHANGES if name in before and before[name] != now[name]]
    with transaction.atomic():
        record(
            actions.STARTED,
            data={
                "version": settings.VERSION,
                "code": code.sha256,
                "commit": code.commit,
                "wall": now["wall"].get("wall", ""),
                **{f"{name}_sha256": digest for name, digest in hashes.items()},
            },
        )
        for name in changed:
            differing = _differing(before[name], now[name])
            record(CHANGES[name], data={"sha256": hashes[name], "names": differing})
    _keep(now)
    return [CHANGES[name] for name in changed]


def file() -> Path:
    return Path(settings.EVIDENCE_DIR) / "standing.json"


def _differing(before: Any, now: dict[str, str]) -> list[str]:
    known = before if isinstance(before, dict) else {}
    return sorted(name for name in known.keys() | now.keys() if known.get(name) != now.get(name))


def _shown(name: str, value: str) -> str:
    if _HIDDEN.search(name):
        return _SET if value else _NOT_SET
    return ";".join(_without_password(part) for part in value.split(";"))


def _without_password(text: str) -> str:
    """A URL without its user, its password and its query, in which drivers take passwords, too."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return _SET
    if not parts.scheme or not (parts.netloc or parts.query):
        return text
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _keep(content: dict[str, Any]) -> None:
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ownfiles.replace(path, json.dumps(content, indent=1))
