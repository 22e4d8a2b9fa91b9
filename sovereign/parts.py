"""The running parts, each asked once: for /readyz and for the doctor."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from ingest import recognition, reindex, scanner
from sovereign import heartbeat, probes

RESTART = "Start it with `make up`; its log is in {logs}."


@dataclass(frozen=True, slots=True)
class Part:
    """One checked part. `advice` says what to do when `ok` is False. `needed`: the product waits for it."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = True

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def _restart() -> str:
    return RESTART.format(logs=Path(settings.DATA_DIR) / "logs")


def database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        advice = "Check DATABASE_URL, and that the server runs and accepts this user."
        return Part("database", False, type(error).__name__, advice)
    return Part("database", True, connection.vendor)


def broker() -> Part:
    try:
        with heartbeat.broker() as server:
            server.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return Part("broker", False, type(error).__name__, _restart())
    return Part("broker", True, "answers")


def vectors() -> Part:
    answer = probes.get(settings.CHROMA_URL, "/api/v2/heartbeat")
    if answer is None or answer[0] != 200:
        return Part("vectors", False, "does not answer", _restart())
    return Part("vectors", True, "answers")


def models() -> Part:
    if settings.MODELS_URL == "fake:":
        return Part("models", True, "twins for tests")
    answer = probes.get(settings.MODELS_URL, "/health")
    if answer is None:
        return Part("models", False, "do not answer", _restart())
    status, content = answer
    said = str(content.get("status", f"HTTP {status}"))
    if status != 200 or said == "loading":
        return Part("models", False, said, "Wait until they are loaded; the log is models.log.")
    return Part("models", True, said)


def model_servers() -> Part:
    """Not needed for readiness: without one of them the others answer, without any the documents do."""
    if settings.ENGINE not in ("auto", "openai") or not settings.OPENAI_URLS:
        return Part("servers", True, "none is set", needed=False)
    answer = probes.get(settings.MODELS_URL, "/health")
    content = answer[1] if answer else {}
    advice = "Start it, or correct SOVEREIGN_OPENAI_URL and its keys; it is found again by itself."
    servers = content.get("replicas") or []
    if not servers:
        said = (content.get("chat") or {}).get("detail") or "not known: the models do not answer"
        return Part("servers", False, str(said), advice, needed=False)
    ready = all(each.get("state") == "ready" for each in servers)
    detail = "; ".join(map(_model_server, servers))
    return Part("servers", ready, detail, "" if ready else advice, needed=False)


def _model_server(about: dict[str, Any]) -> str:
    """One of them in words: which models and contexts, which version, or why it is not asked."""
    said = f"{about.get('name')} {about.get('state')}"
    if about.get("code"):
        return f"{said} ({about['code']})"
    models = ", ".join(
        f"{name} ({context} tokens)" if context else name
        for name, context in dict(about.get("models") or {}).items()
    )
    what = " ".join(filter(None, [models, str(about.get("version") or "")]))
    return ", ".join([f"{said}: {what}", *_how_it_goes(about)])


def _how_it_goes(about: dict[str, Any]) -> Iterator[str]:
    """Of one that is asked: how full it is, how soon it answers, what went wrong last."""
    running = int(about.get("running") or 0) + int(about.get("others") or 0)
    yield f"{running} of {about.get('seats')} seats taken"
    if about.get("first_seconds"):
        yield f"first word after {about['first_seconds']:.1f} s"
    if about.get("error"):
        yield f"last error {about['error']}, {about.get('error_ago')} s ago"


def worker() -> Part:
    """Not needed for readiness: without one, questions are answered and documents wait."""
    try:
        alive = heartbeat.workers()
    except (redis.RedisError, OSError, ValueError) as error:
        return Part("worker", False, type(error).__name__, _restart(), needed=False)
    if not alive:
        return Part("worker", False, "none is alive", _restart(), needed=False)
    return Part("worker", True, f"{len(alive)} alive", needed=False)


def malware_scanner() -> Part:
    """Not needed for readiness: without it, questions are answered and nothing is uploaded."""
    if not settings.CLAMD:
        return Part("scanner", True, "none is set", needed=False)
    try:
        said = scanner.version(settings.CLAMD)
    except scanner.ScannerError as error:
        advice = "Start clamd, or correct SOVEREIGN_CLAMD: until then no file is taken."
        return Part("scanner", False, error.why, advice, needed=False)
    return Part("scanner", True, said, needed=False)


def text_recognition() -> Part:
    """Not needed for readiness: without it, pages that are pictures are named and not read."""
    if not settings.OCR:
        return Part("ocr", True, "switched off", needed=False)
    found = recognition.state()
    if not found.library:
        return Part("ocr", False, "tesserocr is not installed", "Run `make up`.", needed=False)
    wanted = [*found.missing, *([] if found.orientation else [recognition.ORIENTATION])]
    detail = f"{'+'.join(found.languages) or 'no language'} in {found.folder or 'no folder'}"
    if not wanted:
        return Part("ocr", True, detail, needed=False)
    packages = " ".join(f"tesseract-ocr-{each}" for each in wanted).replace("_", "-")
    files = ", ".join(f"{each}.traineddata" for each in wanted)
    advice = f"Debian: apt install {packages}; or put {files} into SOVEREIGN_TESSDATA."
    return Part("ocr", False, f"{detail}; missing: {', '.join(wanted)}", advice, needed=False)


def search_index() -> Part:
    """Not needed for readiness: an index that was made another way still answers."""
    try:
        stale, building = reindex.stale(), reindex.building()
    except DatabaseError as error:
        advice = "Check DATABASE_URL, and run `manage.py migrate`."
        return Part("index", False, type(error).__name__, advice, needed=False)
    if not stale:
        return Part("index", True, "as the settings say", needed=False)
    detail = "made with another embedder or by older rules than the settings name"
    if building:
        advice = "Another is being built: `manage.py reindex --status` says how far it is."
    else:
        advice = (
            "Run `manage.py reindex --again`: it builds another beside it, then puts it to use."
        )
    return Part("index", False, detail, advice, needed=False)


RUNNING: tuple[Callable[[], Part], ...] = (
    database, broker, vectors, models, model_servers, worker, malware_scanner, text_recognition, search_index
)  # fmt: skip


def all_parts() -> list[Part]:
    return [check() for check in RUNNING]
