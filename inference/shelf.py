"""The models of this machine as administrators see them: what each is, where it stands, whether it fits."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference import fit
from inference.describe import slug
from inference.errors import ModelError
from inference.model import Model
from inference.service import Service
from inference.speed import kept_bytes, kept_speed
from inference.trying import within_reach

if TYPE_CHECKING:
    from inference.desk import Place

#: Files that are offered for registering.
MOST_FILES = 100
_DEPTH = 3


def shown(service: Service, place: "Place") -> dict[str, Any]:
    """Everything that the models page lists."""
    active = service.chats.active
    models = place.registry.models()
    return {
        "models": [_row(model, service, place) for model in models],
        "active": active.info.name if active else "",
        "before": place.active.before(),
        "engine": active.info.engine if active else "",
        "switchable": _own(service),
        "history": [asdict(change) for change in place.active.history()],
        "files": files(place, models),
        "memory": fit.free(),
        "replicas": service.replicas(),
    }


def name_of(path: str) -> str:
    """The name that a file gets if nobody names it."""
    return slug(Path(path).stem)


def files(place: "Place", models: list[Model]) -> list[dict[str, Any]]:
    """GGUF files in the allowed folders that are not registered yet."""
    known = {str(model.path.resolve()) for model in models if model.chats}
    found: list[dict[str, Any]] = []
    for folder in place.folders:
        for path in _ggufs(folder):
            if str(path.resolve()) not in known and len(found) < MOST_FILES:
                found.append({"path": str(path), "bytes": path.stat().st_size})
    return found


def _ggufs(folder: Path) -> list[Path]:
    patterns = ["/".join(["*"] * depth + ["*.gguf"]) for depth in range(_DEPTH)]
    try:
        listed = [path for pattern in patterns for path in folder.glob(pattern)]
        return sorted(path for path in listed if path.is_file())
    except OSError:
        return []


def _row(model: Model, service: Service, place: "Place") -> dict[str, Any]:
    speed_file = place.registry.folder / "speed.json"
    key = (model.sha256, "llama-cpp-python", place.threads)
    speed = kept_speed(speed_file, *key)
    loaded = {chat.info.name: chat for chat in service.chats.loaded()}
    if found := loaded.get(model.name):
        speed = found.speeds.speed
    fields = ("name", "kind", "family", "licence", "bytes", "context", "sha256", "source", "base")
    return {
        **{field: getattr(model, field) for field in (*fields, "by_hand", "chats")},
        "origin": place.registry.origin(model.name).as_dict(),
        "state": _state(model, service, place),
        "speed": {"prompt": round(speed.prompt, 1), "completion": round(speed.completion, 1)},
        "measured_bytes": kept_bytes(speed_file, *key),
        "fit": _fit(model, service),
        "askable": within_reach(service.chats, model.name),
    }


def _state(model: Model, service: Service, place: "Place") -> str:
    """active, loaded, or what is known of its files: here, unread, missing, changed."""
    active = service.chats.active
    if active and active.info.name == model.name:
        return "active"
    if model.name in {chat.info.name for chat in service.chats.loaded()}:
        return "loaded"
    standing = place.registry.standing(model)
    in_use = model.kind in ("embedder", "reranker") and model.name in place.used()
    return "active" if in_use and standing in ("here", "unread") else standing


def _own(service: Service) -> bool:
    """Whether this process loads the weights of chat models."""
    source = service.chats.source
    return source is not None and not source.elsewhere


def _fit(model: Model, service: Service) -> dict[str, Any] | None:
    if not model.chats or not model.installed or not _own(service):
        return None
    try:
        return asdict(service.chats.fit(model.name))
    except ModelError as error:
        return {"needed": 0, "available": 0, "code": error.code, "detail": error.detail}
