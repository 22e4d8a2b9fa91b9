"""Our own code as it lies on this machine: one hash of all, one of each folder, git's commit if known."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from inference.model import sha256_of

#: What runs or is shown: code, templates, scripts and styles, translations, the pins.
FOLDERS = (
    "accounts", "audit", "chat", "compliance", "inference", "ingest", "locale", "requirements",
    "sovereign", "static", "templates", "wall",
)  # fmt: skip
FILES = ("manage.py", "pyproject.toml")
#: Made from the sources on this machine, or by it.
_MADE = {".pyc", ".mo", ".part"}


@dataclass(frozen=True, slots=True)
class Sources:
    """`folders` holds one hash a folder; `commit` is empty outside a git checkout."""

    sha256: str
    files: int
    folders: dict[str, str]
    commit: str


def sources(root: Path) -> Sources:
    """Hash the code below `root`.

    Anybody can do the same by hand: the hash is that of the lines `SHA256  PATH`, sorted by path in
    byte order, as `sha256sum` writes them (docs/proof.md has the command).
    """
    lines = {path: f"{sha256_of(root / path)}  {path}\n" for path in paths(root)}
    by_folder: dict[str, list[str]] = {}
    for path, line in lines.items():
        by_folder.setdefault(path.split("/")[0], []).append(line)
    return Sources(
        sha256=_sha256(list(lines.values())),
        files=len(lines),
        folders={name: _sha256(found) for name, found in by_folder.items()},
        commit=commit(root),
    )


def paths(root: Path) -> list[str]:
    """The files that count, relative to `root`, in byte order."""
    found = [root / name for name in FILES]
    found += [path for folder in FOLDERS for path in (root / folder).rglob("*")]
    names = (
        path.relative_to(root).as_posix()
        for path in found
        if path.is_file() and path.suffix not in _MADE and not path.name.startswith(".")
    )
    return sorted(names, key=str.encode)


def commit(root: Path) -> str:
    """The commit that is checked out, read from git's own files; git need not be installed."""
    git = root / ".git"
    try:
        if git.is_file():
            git = (root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        return _resolve(git, head.removeprefix("ref: ")) if head.startswith("ref: ") else head
    except OSError:
        return ""


def _resolve(git: Path, name: str) -> str:
    common = git / "commondir"
    if common.is_file():
        git = (git / common.read_text(encoding="utf-8").strip()).resolve()
    if (git / name).is_file():
        return (git / name).read_text(encoding="utf-8").strip()
    packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")


def _sha256(lines: list[str]) -> str:
    return hashlib.sha256("".join(lines).encode()).hexdigest()
