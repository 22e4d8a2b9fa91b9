"""Typed reads of the environment. Every setting can also come from a file: NAME_FILE."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}

#: Every name that was asked for, so that a test can hold the documentation to it.
KNOWN: dict[str, object] = {}
#: The files that settings came from; they must stay in sight behind the wall.
FILES: list[str] = []


#: What each came to. The record and the reports say so, of secrets only whether they are set.
IN_FORCE: dict[str, str] = {}


def text(name: str, default: str = "") -> str:
    """Return NAME, or the content of the file that NAME_FILE points to, or the default."""
    KNOWN.setdefault(name, default)
    IN_FORCE[name] = found = _text(name, default)
    return found


def _text(name: str, default: str) -> str:
    file = os.environ.get(f"{name}_FILE")
    if file and name not in os.environ:
        return _read(f"{name}_FILE", file)
    return os.environ.get(name, default)


def flag(name: str, default: bool) -> bool:
    value = text(name, str(default)).strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def number(
    name: str, default: int, *, least: int = 0, words: Mapping[str, int] | None = None
) -> int:
    """`words`: those that stand for a number."""
    value = text(name, str(default))
    if words and value.strip().lower() in words:
        return words[value.strip().lower()]
    try:
        result = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from error
    if result < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {result}")
    return result


def decimal(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}") from error


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default).strip().lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def path(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().absolute()


def from_files(name: str) -> dict[str, str]:
    """NAME as `key=/path` words, a file each: by key what stands in its file."""
    found = {}
    for word in words(name):
        key, _, file = word.partition("=")
        if not key or not file.startswith("/"):
            # What stands there may be the secret itself.
            raise ImproperlyConfigured(f"{name} must look like host:port=/path/of/a/file,...")
        found[key.strip()] = _read(name, file.strip())
    return found


def _read(name: str, file: str) -> str:
    FILES.append(file)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: cannot read {file}: {error.strerror}") from error


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
