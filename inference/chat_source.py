"""Chat models by name: out of the registry, weighed against the memory of this machine."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings

from inference import gguf
from inference.chat import Source
from inference.cpu import cpu_count
from inference.errors import ModelError
from inference.fit import Fit, Need, judge, need
from inference.model import Model
from inference.protocol import Engine, ModelInfo
from inference.registry import Registry
from inference.speed import kept_speed


def source_of(load: Callable[[str], Engine], folder: Path | None = None) -> Source:
    """The models of FOLDER (default: settings.MODELS_DIR), loaded by LOAD, which raises ModelError."""
    return Source(load, partial(fit_of, folder=folder), partial(known, folder))


def fit_of(name: str, available: int, folder: Path | None = None) -> Fit:
    """Whether that chat model fits into so many bytes. Raises ModelError where it is not here."""
    registry = Registry(folder or settings.MODELS_DIR)
    model = registry.get(name)
    if not model.chats:
        raise ModelError("model-kind", f"{model.name} cannot chat, so it cannot be activated.")
    wanted, context = _need(registry, model)
    # What goes to a graphics card is not memory of this machine: its engine knows (SOVEREIGN_GPU_LAYERS).
    return judge(model.name, wanted, 2**62 if settings.GPU_LAYERS else available, context)


def known(folder: Path | None = None) -> list[ModelInfo]:
    """The chat models and adapters that are here, as they would be loaded."""
    registry = Registry(folder or settings.MODELS_DIR)
    return [_info(model, registry.folder) for model in registry.here() if model.chats]


def adapted(engine: Engine, adapter: Model, base: Model) -> Engine:
    """ENGINE under the name and the hash of the ADAPTER that it was loaded with."""
    engine.info = replace(
        engine.info,
        name=adapter.name,
        sha256=adapter.sha256,
        licence=adapter.licence,
        bytes=base.bytes + adapter.bytes,
    )
    return engine


def threads() -> int:
    """SOVEREIGN_THREADS, or as many as this process may use cores."""
    return int(settings.THREADS) or cpu_count()


def _need(registry: Registry, model: Model) -> tuple[Need, int]:
    base = registry.get(model.base) if model.base else model
    header = gguf.read_header(base.path)
    context = min(settings.CONTEXT_TOKENS, base.context or settings.CONTEXT_TOKENS)
    size = base.path.stat().st_size + (model.bytes if model.base else 0)
    return need(size, header.cell_bytes, context, threads(), settings.PARALLEL), context


def _info(model: Model, folder: Path) -> ModelInfo:
    file = folder / "speed.json"
    return ModelInfo(
        name=model.name,
        engine="llama-cpp-python",
        context=min(settings.CONTEXT_TOKENS, model.context or settings.CONTEXT_TOKENS),
        family=model.family,
        sha256=model.sha256,
        licence=model.licence,
        bytes=model.bytes,
        speed=kept_speed(file, model.sha256, "llama-cpp-python", threads()),
    )
