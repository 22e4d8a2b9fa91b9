"""A model of this machine: its files, and what is known of it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.catalogue import CatalogueEntry, Kind

_CHUNK = 4_194_304

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Model:
    """A model of this machine. `files`: what lies under `folder`, and the SHA-256 each must have."""

    name: str
    kind: Kind
    folder: str
    files: dict[str, str]
    bytes: int
    licence: str
    context: int
    family: str
    source: str
    by_hand: bool = False
    #: Of a pair: the models that it is made of. Their files are its files.
    members: tuple[str, ...] = ()
    #: Of an adapter: the chat model that it is for.
    base: str = ""

    @property
    def chats(self) -> bool:
        """Whether it can be asked: a chat model, or an adapter with the model that it is for."""
        return self.kind in ("chat", "adapter")

    @property
    def path(self) -> Path:
        """What is loaded: the GGUF file of a chat model or adapter, the folder of an embedder."""
        folder = Path(self.folder)
        return folder / next(iter(self.files)) if self.chats else folder

    @property
    def sha256(self) -> str:
        return next(iter(self.files.values()))

    @property
    def installed(self) -> bool:
        return all((Path(self.folder) / file).is_file() for file in self.files)


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    digest, done = hashlib.sha256(), 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress(done, size)
    return digest.hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Replace PATH in one step, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    Path(name).replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in PATH; empty where there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def of_entry(entry: CatalogueEntry, folder: Path, made: dict[str, str]) -> Model:
    """`made`: hashes of what set-up made of it, beside those that the catalogue pins."""
    return Model(
        name=entry.name,
        kind=entry.kind,
        folder=str(folder / entry.name),
        files=dict(entry.files) | {k: v for k, v in made.items() if k not in dict(entry.files)},
        bytes=entry.bytes,
        licence=entry.licence,
        context=entry.context,
        family=entry.family,
        source=entry.source,
    )


def of_pair(entry: CatalogueEntry, members: list[Model], folder: Path) -> Model:
    """Its folder is the registry's: the files lie in those of its members."""
    files = {
        f"{member.name}/{name}": sha256
        for member in members
        for name, sha256 in member.files.items()
    }
    pair = replace(of_entry(entry, folder, {}), folder=str(folder), files=files)
    return replace(pair, members=entry.members)
