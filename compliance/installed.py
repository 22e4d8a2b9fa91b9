"""The installed packages against what their installer wrote down: a changed file is found."""

import base64
import csv
import hashlib
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

from inference.model import sha256_of

#: Made on this machine from the files that are checked.
_MADE = {".pyc", ".pyo"}


@dataclass(frozen=True, slots=True)
class Deep:
    """What a full reading of the installed files found. Paths are of packages, never of documents."""

    packages: int = 0
    files: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.changed or self.missing or self.strangers)


def normal(name: str) -> str:
    """The name of a package as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> list[Distribution]:
    """The packages of this installation, one a name, sorted; the first on the path is what runs."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        found.setdefault(normal(distribution.name), distribution)
    return [found[name] for name in sorted(found)]


def record_sha256(distribution: Distribution) -> str:
    """SHA-256 of the package's RECORD, which holds the hash of each of its files; "" without one."""
    text = distribution.read_text("RECORD")
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def deep() -> Deep:
    """Read every file of every package and compare it with RECORD; find files that none names.

    RECORD lies beside the files: who can change one can change the other. So the report holds the
    hash of each RECORD, and two reports can be compared.
    """
    result = {"packages": 0, "files": 0}
    changed, missing, known = [], [], set()
    for distribution in packages():
        result["packages"] += 1
        for path, digest in _rows(distribution):
            known.add(path)
            if not digest or path.suffix in _MADE:
                continue
            result["files"] += 1
            if not path.is_file():
                missing.append(_short(path))
            elif sha256_of(path) != digest:
                changed.append(_short(path))
    return Deep(**result, changed=changed, missing=missing, strangers=_strangers(known))


def _rows(distribution: Distribution) -> Iterator[tuple[Path, str]]:
    """(file, SHA-256 in hexadecimal or "") of each row of RECORD."""
    for row in csv.reader(io.StringIO(distribution.read_text("RECORD") or "")):
        if len(row) < 2:
            continue
        kind, _, value = row[1].partition("=")
        path = Path(str(distribution.locate_file(row[0]))).resolve()
        yield path, _hex(value) if kind == "sha256" else ""


def _hex(value: str) -> str:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()


def _strangers(known: set[Path]) -> list[str]:
    """Files beside the packages that no RECORD names: Python would import them all the same."""
    found = (
        path.resolve()
        for folder in _folders()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in _MADE
    )
    return sorted({_short(path) for path in found if path not in known})


def _folders() -> list[Path]:
    places = (Path(place).resolve() for place in sys.path if place.endswith("site-packages"))
    return sorted(set(places))


def _short(path: Path) -> str:
    prefix = Path(sys.prefix).resolve()
    return path.relative_to(prefix).as_posix() if path.is_relative_to(prefix) else path.name
