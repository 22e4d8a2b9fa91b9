"""System checks: what Django says before it starts when a setting or a folder is wrong."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Critical, Error, Tags, Warning

from sovereign.settings.rundir import LONGEST_SOCKET_PATH


def folders(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The data folders exist or can be made, and can be written."""
    found: list[CheckMessage] = []
    for name in ("DATA_DIR", "RUN_DIR", "MEDIA_ROOT"):
        folder = Path(getattr(settings, name))
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
            hint = "Give this user the right to it, or set SOVEREIGN_DATA_DIR."
            found.append(Error(f"{folder} cannot be written.", hint=hint, id="sovereign.E001"))
    return found


def secrets(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Nobody but this user may read what signs the sessions."""
    folder = Path(settings.DATA_DIR) / "secrets"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        Error(
            f"{file} can be read or written by others.",
            hint=f"chmod 600 {file}",
            id="sovereign.E002",
        )
        for file in files
        if stat.S_IMODE(file.stat().st_mode) & 0o077
    ]


def socket_paths(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    paths = [Path(settings.RUN_DIR) / "valkey.sock"]
    if settings.MODELS_URL.startswith("unix:"):
        paths.append(Path(settings.MODELS_URL.removeprefix("unix:")))
    return [
        Error(
            f"{path} is longer than a Unix socket's path may be ({LONGEST_SOCKET_PATH} bytes).",
            hint="Set SOVEREIGN_DATA_DIR (or XDG_RUNTIME_DIR) to a folder with a shorter path.",
            id="sovereign.E003",
        )
        for path in paths
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH
    ]


def hosts(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    if not settings.ALLOWED_HOSTS:
        hint = "Name the hosts that people type: SOVEREIGN_ALLOWED_HOSTS=docs.example.org,127.0.0.1"
        return [Error("No host is allowed.", hint=hint, id="sovereign.E004")]
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts that people type in SOVEREIGN_ALLOWED_HOSTS."
        return [Warning("Every host name is accepted.", hint=hint, id="sovereign.W004")]
    return []


def debug(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    hint = "Unset SOVEREIGN_DEBUG: error pages then show no settings and no text."
    if not settings.LISTEN.startswith(("127.", "localhost:", "[::1]:")):
        said = "Debug is on and the address can be reached from other machines."
        return [Critical(said, hint=hint, id="sovereign.C005")]
    return [Warning("Debug is on.", hint=hint, id="sovereign.W005")]


def weights(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The chosen models are here. A warning only: without a chat model answers quote the documents."""
    if not settings.MODELS_URL.startswith("unix:"):
        return []
    from inference.registry import Registry  # late: it costs every start of a process otherwise

    here = {model.name for model in Registry(Path(settings.MODELS_DIR)).models() if model.installed}
    wanted = [name for name in (settings.EMBEDDER, settings.RERANKER) if name]
    if settings.ENGINE in {"auto", "llama-cpp-python", "xllamacpp"}:
        wanted.append(settings.CHAT_MODEL)
    hint = "Fetch it: .venv/bin/python manage.py models fetch (docs/models.md has other ways)."
    return [
        Warning(f"The model {name} is not here.", hint=hint, id="sovereign.W006")
        for name in wanted
        if name not in here
    ]


def originals(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The master key opens the originals' keys. A warning only: all else works without."""
    return [] if settings.MASTER_KEY_COMMAND else _master_key()


def _master_key() -> list[CheckMessage]:
    from ingest import keys  # late, as above

    hint = "Put the master key back (docs/encryption.md): until then originals cannot be read."
    return [Warning(why, hint=hint, id="sovereign.W010")] if (why := keys.trouble()) else []


ALL = (folders, secrets, socket_paths, hosts, debug, weights, originals)


def register() -> None:
    for check in ALL:
        checks.register(check, Tags.security if check in (secrets, hosts, debug) else Tags.files)


def run() -> Sequence[CheckMessage]:
    """Every message of ours, for the doctor."""
    # Not at every start of a process: a command may ask a slow device.
    asked = _master_key() if settings.MASTER_KEY_COMMAND else []
    return [message for check in ALL for message in check()] + asked
