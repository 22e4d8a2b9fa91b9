"""Which model files there are, and the door that no unknown file passes.

A model is known by the catalogue (hashes committed with the code) or by MODELS_DIR/registry.json
(added by hand on this machine, with the hash that the file had then). `verify` reads a file before
it is loaded; what it found is kept by path, size, times and inode, so that a gigabyte is not read
at every start.
"""

import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from inference import formats, origin
from inference.catalogue import CATALOGUE, CatalogueEntry
from inference.describe import describe_folder, describe_gguf, family_of
from inference.errors import ModelError
from inference.model import Model, Progress, of_entry, of_pair, read_json, sha256_of, write_json

#: `unread`: its files are there, and nobody has compared their hashes yet.
Standing = Literal["here", "unread", "missing", "changed"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


class Registry:
    """The models under one folder (settings.MODELS_DIR). `progress` is told how far a file is read."""

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        self.folder, self._progress = folder, progress
        self._local = folder / "registry.json"
        self._verified = folder / "verified.json"

    def models(self) -> list[Model]:
        """Every known model: the catalogue's, then those added by hand."""
        return list(self._all().values())

    def here(self) -> list[Model]:
        """Those whose files are on this machine. Of a pair its members are told, not itself."""
        return [model for model in self.models() if model.installed and not model.members]

    def get(self, name: str) -> Model:
        """Raises ModelError(`model-unknown`)."""
        try:
            return self._all()[name]
        except KeyError:
            raise ModelError(
                "model-unknown",
                f"There is no model named {name!r} here. `manage.py models list` shows the names; "
                "`manage.py models add PATH` adds a GGUF file of yours.",
            ) from None

    def verify(self, model: Model, *, again: bool = False) -> None:
        """Return if every file of MODEL is there and unchanged, and no other beside them in a folder.

        Raises ModelError(`model-missing`, `model-changed`, `model-unsafe`). `again` reads even what
        was read before.
        """
        if model.members:
            for member in model.members:
                self.verify(self.get(member), again=again)
            return
        if not model.chats:
            formats.refuse_strangers(Path(model.folder), set(model.files))
        seen = read_json(self._verified)
        for name, expected in model.files.items():
            file = Path(model.folder) / name
            mark = _mark(file)
            if mark is None:
                raise _missing(model, file)
            known = seen.get(str(file))
            if not again and known == [*mark, expected]:
                continue
            found = sha256_of(file, self._progress)
            seen = read_json(self._verified) | {str(file): [*mark, found]}
            write_json(self._verified, seen)
            if found != expected:
                raise _changed(model, file)

    def standing(self, model: Model) -> Standing:
        """What is known of its files without reading them; `verify` reads them."""
        seen, unread = read_json(self._verified), False
        for name, expected in model.files.items():
            file = Path(model.folder) / name
            mark = _mark(file)
            if mark is None:
                return "missing"
            known = seen.get(str(file))
            if isinstance(known, list) and known[:-1] == mark and known[-1] != expected:
                return "changed"
            if model.chats and mark[0] != model.bytes:
                return "changed"
            unread = unread or known != [*mark, expected]
        return "unread" if unread else "here"

    def record_files(self, entry: CatalogueEntry, files: dict[str, str]) -> None:
        """Keep the hashes of what set-up made for ENTRY beside those that the catalogue pins."""
        packages = ", ".join(f"{p.package} {p.version} sha256:{p.sha256}" for p in entry.parts)
        content = read_json(self._local)
        content.setdefault("made", {})[entry.name] = files
        _keep_origin(content, entry.name, origin.now("fetched", packages))
        write_json(self._local, content)

    def record_made(self, name: str, file: str, sha256: str) -> None:
        """Keep the hash of a FILE that was made here for the model NAME, beside its others."""
        content = read_json(self._local)
        content.setdefault("made", {}).setdefault(name, {})[file] = sha256
        write_json(self._local, content)

    def has_made(self, name: str, file: str) -> bool:
        """Whether FILE was made here for the model NAME: one that came with it is another."""
        known = read_json(self._local).get("made", {}).get(name, {})
        return file in known and (self.folder / name / file).is_file()

    def origin(self, name: str) -> origin.Origin:
        """How the model NAME came here, when and by whom."""
        origins = read_json(self._local).get("origins")
        return origin.read(origins.get(name) if isinstance(origins, dict) else None)

    def add(
        self,
        path: Path,
        *,
        name: str = "",
        licence: str = "",
        family: str = "",
        copy: bool = False,
        kind: str = "",
        base: str = "",
    ) -> Model:
        """Make a GGUF file (or the folder of an embedder or a reranker) known, by the hash of now.

        `kind`: empty is what it looks like. `base`: of an adapter, the chat model that it is for.
        Raises ModelError(`model-missing`, `model-damaged`, `model-unsafe`, `model-name`,
        `model-kind`, `model-family`, `adapter-base`, `adapter-unknown`).
        """
        path = path.expanduser().absolute()
        model = (
            describe_folder(path, kind) if path.is_dir() else describe_gguf(path, base, self.get)
        )
        if kind not in ("", model.kind):
            raise ModelError("model-kind", f"{path.name} is no {kind}: a GGUF file can only chat.")
        if not path.is_dir():
            model = replace(model, files={path.name: sha256_of(path, self._progress)})
        model = replace(model, name=name or model.name, licence=licence or model.licence)
        model = replace(model, family=family_of(family) or model.family)
        self.check_name(model.name)
        if copy:
            model = self._copied(model)
        content = read_json(self._local)
        content.setdefault("models", {})[model.name] = asdict(model)
        content.get("made", {}).pop(model.name, None)
        _keep_origin(content, model.name, origin.now("added", str(path)))
        write_json(self._local, content)
        self.own(model.name, copy)
        return model

    def own(self, name: str, owned: bool = True) -> None:
        """Whether the files of the model NAME were put here for it, and go with it."""
        content = read_json(self._local)
        known = set(content.get("owned", [])) - {name}
        content["owned"] = sorted(known | ({name} if owned else set()))
        write_json(self._local, content)

    def remove(self, name: str) -> None:
        """Forget a model. Its files go only if they were fetched, copied or uploaded: a folder may be called
        as a model that was registered where it lay, and hold others.

        Raises ModelError(`model-unknown`, `model-needed`).
        """
        model = self.get(name)
        if users := [each.name for each in self.models() if each.base == name]:
            raise ModelError(
                "model-needed",
                f"The adapter {users[0]} is for this model. Remove that first.",
            )
        content = read_json(self._local)
        content.get("models", {}).pop(name, None)
        content.get("made", {}).pop(name, None)
        content.get("origins", {}).pop(name, None)
        write_json(self._local, content)
        self.own(name, False)
        own, owned = self.folder / name, name in content.get("owned", [])
        if Path(model.folder) == own and (owned or not model.by_hand):
            shutil.rmtree(own, ignore_errors=True)

    def _all(self) -> dict[str, Model]:
        content = read_json(self._local)
        made = content.get("made", {})
        found: dict[str, Model] = {}
        for entry in CATALOGUE:
            found[entry.name] = (
                of_pair(entry, [found[name] for name in entry.members], self.folder)
                if entry.members
                else of_entry(entry, self.folder, made.get(entry.name, {}))
            )
        for name, fields in content.get("models", {}).items():
            try:
                model = Model(**fields)
            except TypeError as error:
                raise ModelError(
                    "registry-damaged",
                    f"{self._local} is damaged at {name!r}: add the model again, or delete the file.",
                ) from error
            model = replace(model, files=model.files | made.get(name, {}))
            found.setdefault(name, model)
        return found

    def check_name(self, name: str) -> None:
        """Raises ModelError(`model-name`) where no model of one's own may be called so."""
        if not _NAME.fullmatch(name) or any(entry.name == name for entry in CATALOGUE):
            raise ModelError(
                "model-name",
                f"{name!r} cannot be a model's name: use small letters, digits, dot and dash, "
                "and not the name of a model of the catalogue (--name).",
            )

    def _copied(self, model: Model) -> Model:
        target = self.folder / model.name
        target.mkdir(parents=True, exist_ok=True)
        for name in model.files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(model.folder) / name, target / name)
        return replace(model, folder=str(target))


def _keep_origin(content: dict[str, Any], name: str, found: origin.Origin) -> None:
    content.setdefault("origins", {})[name] = found.as_dict()


def _mark(file: Path) -> list[int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    # The time of the last change of any kind: whoever wrote other bytes can set the other one back.
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _missing(model: Model, file: Path) -> ModelError:
    todo = (
        f"Put {file} back, or `manage.py models remove {model.name}`."
        if model.by_hand
        else f"`manage.py models fetch {model.name}` gets it."
    )
    return ModelError("model-missing", f"The model {model.name} is not there ({file.name}). {todo}")


def _changed(model: Model, file: Path) -> ModelError:
    todo = (
        "If you changed it on purpose, add it again: `manage.py models add PATH`."
        if model.by_hand
        else f"Get it anew: `manage.py models fetch {model.name}`."
    )
    return ModelError(
        "model-changed",
        f"{file.name} of the model {model.name} is not the file that it was, so it is not loaded. {todo}",
    )
