"""Secret files: who a source signs in as, and where that may be said."""

import os
from pathlib import Path

from ingest.sources.base import Secret, SourceError
from ingest.sources.kinds import bare_name

_MOST = 10_000
_NAMES = {"user", "password", "address", "collections"}


def read(folder: str, name: str, *, address: str, collection: str) -> Secret:
    """The secret `name` under `folder`: lines `user=`, `password=`, `address=host:port` (to which alone it
    is told) and, where not every collection may use it, `collections=ID,ID`.

    Raises SourceError `secret-missing`, `secret-wrong`, `secret-elsewhere` (another address or collection).
    """
    if not name:
        return Secret()
    if not folder or not bare_name(name):
        raise SourceError("secret-missing")
    lines = _lines(Path(folder) / name)
    if address.casefold() != lines.get("address", "").casefold():
        raise SourceError("secret-elsewhere")
    collections = {each.strip().lower() for each in lines.get("collections", "").split(",")} - {""}
    if collections and collection not in collections:
        raise SourceError("secret-elsewhere")
    return Secret(lines.get("user", ""), lines.get("password", ""))


def _lines(file: Path) -> dict[str, str]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8") as opened:
            text = opened.read(_MOST)
    except OSError as error:
        raise SourceError("secret-missing", type(error).__name__) from None
    except UnicodeError:
        raise SourceError("secret-wrong") from None
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    found = {name.strip(): value.strip() for name, _, value in pairs}
    if not found.keys() <= _NAMES or not {"user", "address"} <= found.keys():
        raise SourceError("secret-wrong")
    return found
