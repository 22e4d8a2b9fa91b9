"""What must lie on the disk: packages, engine, models, room, rights. For the doctor."""

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from inference.errors import ModelError
from inference.model import Model
from inference.registry import Registry
from ingest import convert
from sovereign import checks
from sovereign.launcher import listening, state
from sovereign.launcher.errors import LaunchError
from sovereign.parts import Part
from wall import status

LEAST_FREE_GB = 1.0
#: The packages whose absence or version matters most; `make up` installs all of them pinned.
PACKAGES = ("Django", "celery", "chromadb", "torch", "sentence-transformers", "uvicorn")
AGAIN = "Run `make up`: it installs what is missing."


def python() -> Part:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] in {(3, 11), (3, 12)}
    return Part("python", ok, version, "" if ok else "Remove .venv and run `make up` with 3.11.")


def packages() -> Part:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Part("packages", False, f"missing: {', '.join(missing)}", AGAIN)
    return Part("packages", True, ", ".join(found))


def engine() -> Part:
    """Found without importing it: loading its libraries takes seconds and memory."""
    for module, name in (("llama_cpp", "llama-cpp-python"), ("xllamacpp", "xllamacpp")):
        if importlib.util.find_spec(module):
            return Part("engine", True, f"{name} {_version(name)}")
    advice = f"{AGAIN} Until then answers quote the documents."
    return Part("engine", settings.ENGINE in {"extractive", "openai"}, "none", advice, needed=False)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"


def model_files() -> list[Part]:
    """The chosen models: there, and unchanged since their SHA-256 was last compared."""
    registry = Registry(Path(settings.MODELS_DIR))
    wanted = [("embedder", settings.EMBEDDER, True)]
    if settings.ENGINE not in {"extractive", "openai"}:
        wanted.append(("chat model", settings.CHAT_MODEL, False))
    if settings.RERANKER:
        wanted.append(("reranker", settings.RERANKER, False))
    return [_model(registry, *each) for each in wanted]


def _model(registry: Registry, kind: str, name: str, needed: bool) -> Part:
    try:
        model: Model = registry.get(name)
        registry.verify(model)
    except ModelError as error:
        return Part(kind, False, name, error.detail, needed)
    return Part(kind, True, f"{name}, SHA-256 right", needed=needed)


def libreoffice() -> Part:
    """Not needed: without it, old Word and PowerPoint files say so."""
    if folder := convert.program():
        return Part("libreoffice", True, str(folder), needed=False)
    advice = (
        "For old Word and PowerPoint files (DOC, PPT) install libreoffice-writer-nogui and "
        "libreoffice-impress-nogui, or set SOVEREIGN_LIBREOFFICE."
    )
    ok = not settings.LIBREOFFICE
    return Part("libreoffice", ok, settings.LIBREOFFICE or "not installed", advice, needed=False)


def disk() -> Part:
    free = shutil.disk_usage(settings.DATA_DIR).free / 1024**3
    advice = f"Make room on the disk of {settings.DATA_DIR}; uploads fail when it is full."
    ok = free >= LEAST_FREE_GB
    return Part("disk", ok, f"{free:.1f} GB free", "" if ok else advice)


def tables() -> Part:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Part("tables", False, type(error).__name__, "See the part `database`.")
    if waiting:
        advice = "Run `make up`, or .venv/bin/python manage.py migrate."
        return Part("tables", False, f"{len(waiting)} migrations are missing", advice)
    return Part("tables", True, "up to date")


def wall() -> list[Part]:
    """Which wall holds around the processes that run, and each thing to know about it."""
    said = status.read(Path(settings.RUN_DIR))
    if said is None:
        return [Part("wall", True, "stands while Sovereign runs")]
    gates = ", ".join(f"{gate['name']} to {gate['host']}:{gate['port']}" for gate in said.gates)
    about = f"{said.wall}; gates: {gates or 'none'}"
    enough = not status.weaker(said.wall, settings.REQUIRE_WALL)
    best = said.wall in ("namespace", "container")
    advice = "" if best else "docs/wall.md says what this wall does not cover."
    found = [Part("wall", enough and best, about, advice, needed=not enough)]
    return found + [
        Part(f"wall: {code}", False, status.WHY[code], needed=False)
        for code in said.why
        if code not in ("declared-container", "not-wanted")
    ]


def configuration() -> list[Part]:
    """Our system checks, each that has something to say; else one line that they are content."""
    said = [_message(each) for each in checks.run() if each.id != "sovereign.W006"]
    return said or [Part("settings", True, "folders, secrets, hosts, debug, socket paths")]


def _message(message: CheckMessage) -> Part:
    return Part("settings", False, message.msg, message.hint or "", message.is_serious())


def port() -> Part:
    """Taken by our own launcher is right, free is right, taken by another program is not."""
    address = settings.LISTEN
    launcher = state.read(Path(settings.RUN_DIR)).get("launcher")
    if isinstance(launcher, int) and Path(f"/proc/{launcher}").exists():
        return Part("port", True, f"{address}, held by the launcher {launcher}")
    try:
        listening.open_socket(address).close()
    except LaunchError as error:
        return Part("port", False, address, str(error))
    return Part("port", True, f"{address} is free")


def processes() -> list[Part]:
    """Those that restart again and again."""
    found = state.read(Path(settings.RUN_DIR))["processes"]
    return [
        Part(
            f"process {each['name']}",
            False,
            f"{each['state']}, started again {each['restarts']} times",
            f"Read the end of {each['log']}.",
            needed=False,
        )
        for each in found
        if each["restarts"] and each["state"] != "ready"
    ]


ONE: tuple[Callable[[], Part], ...] = (python, packages, engine, libreoffice, disk, tables, port)
SEVERAL: tuple[Callable[[], list[Part]], ...] = (model_files, configuration, wall, processes)


def all_parts() -> list[Part]:
    return [check() for check in ONE] + [part for check in SEVERAL for part in check()]
