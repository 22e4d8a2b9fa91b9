"""The models' files: fetched by `manage.py models fetch`, remembered so that a second start is quick."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from environment import Environment
from tell import Teller

#: What a fetch depends on besides the files: which models are asked for and where they lie.
_CHOICES = (
    "SOVEREIGN_CHAT_MODEL",
    "SOVEREIGN_EMBEDDER",
    "SOVEREIGN_ENGINE",
    "SOVEREIGN_MODELS_DIR",
    "SOVEREIGN_OPENAI_URL",
)

#: The smallest that shows the real path of each kind: no chat weights that are meant for answers.
FOR_TESTS = ["smollm2-135m-instruct", "e5-small-minilm"]


def models_dir(cache: Path) -> Path:
    return Path(os.environ.get("SOVEREIGN_MODELS_DIR") or cache / "models").expanduser().absolute()


def state(env: Environment) -> str:
    """A hash of what was asked for and of the names, sizes and times of the files that are there."""
    asked = [env.with_tests, *(os.environ.get(name, "") for name in _CHOICES)]
    catalogue = env.root / "inference" / "catalogue.py"
    asked.append(hashlib.sha256(catalogue.read_bytes()).hexdigest() if catalogue.exists() else "")
    return hashlib.sha256(
        json.dumps([asked, list(_files(models_dir(env.cache)))]).encode()
    ).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-2:]):
            about = path.stat()
            yield str(path), about.st_size, about.st_mtime_ns


def _stamp(env: Environment) -> Path:
    return env.home / (".sovereign-models-tests" if env.with_tests else ".sovereign-models")


def complete(env: Environment) -> bool:
    stamp = _stamp(env)
    return stamp.exists() and stamp.read_text(encoding="utf-8") == state(env)


def fetch(env: Environment, teller: Teller) -> bool:
    """Fetch what is missing. Its own output is the progress. False: some models could not be had."""
    command = [str(env.python), "manage.py", "models", "fetch"]
    if env.with_tests:
        command += FOR_TESTS
    teller.close()
    process = subprocess.Popen(command, cwd=env.root)  # noqa: S603 (fixed command)
    try:
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code == 0:
        _stamp(env).write_text(state(env), encoding="utf-8")
    return code == 0
