"""Which engine and which encoder, by the settings."""

from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from inference import catalogue, int8
from inference.active import chat_model
from inference.chat import Source
from inference.chat_source import adapted, fit_of, source_of
from inference.cpu import cpu_count
from inference.errors import ModelError
from inference.fake import FakeClient, FakeEncoder, FakeEngine, FakeReranker
from inference.fit import check, free
from inference.model import Model, read_json
from inference.pair import PairEncoder
from inference.protocol import EmbedderInfo, Encoder, Engine, Reranker
from inference.registry import Registry

ENGINES = ("auto", "llama-cpp-python", "xllamacpp", "openai", "extractive", "fake")
DEVICES = ("cpu", "cuda", "auto")
PRECISIONS = ("int8", "float32")
_MODULES = {"llama-cpp-python": "llama_cpp", "xllamacpp": "xllamacpp"}


def threads() -> int:
    """SOVEREIGN_THREADS, or as many as this process may use cores."""
    return int(settings.THREADS) or cpu_count()


def wanted() -> list[str]:
    """The models of the catalogue that the settings ask for; others must be brought."""
    names = [settings.EMBEDDER]
    if not settings.OPENAI_URLS and settings.ENGINE in ("auto", *_MODULES):
        names.append(settings.CHAT_MODEL)
    return [name for name in names if catalogue.find(name)]


def in_use() -> set[str]:
    """The models that are active or that the settings name; of a pair its members, too."""
    names = {chat_model(), settings.EMBEDDER, settings.RERANKER} - {""}
    return names | {part.name for name in names for part in catalogue.parts_of(name)}


def load_engine() -> Engine | None:
    """The chat model, verified and loaded; None where answers are quotes by choice.

    Raises ModelError when what the settings name cannot be had.
    """
    kind = _kind()
    if kind == "fake":
        return FakeEngine(context=settings.CONTEXT_TOKENS, parallel=settings.PARALLEL or 1)
    if kind == "extractive":
        return None
    if kind == "openai":
        return _remote()
    return _local(kind)


def chat_source() -> Source | None:
    """Where chat models come from, by name; None where another process owns the weights.

    Raises ModelError(`engine-unknown`).
    """
    kind = _kind()
    if kind == "extractive" and settings.ENGINE == "auto":
        kind = next((name for name, module in _MODULES.items() if find_spec(module)), "missing")
    return source_of(lambda name: _local(kind, name)) if kind in _MODULES else None


def load_encoder(name: str = "") -> Encoder:
    """The embedder of that name (default: SOVEREIGN_EMBEDDER), verified and loaded. Raises ModelError."""
    if settings.ENGINE == "fake":
        return FakeEncoder(name) if name else FakeEncoder()
    registry = Registry(settings.MODELS_DIR)
    model = registry.get(name or settings.EMBEDDER)
    if model.kind != "embedder":
        raise ModelError("model-kind", f"{model.name} is no embedder: set SOVEREIGN_EMBEDDER anew.")
    registry.verify(model)
    if not model.members:
        return _encoder(registry, model)
    first, second = (_encoder(registry, registry.get(member)) for member in model.members)
    return PairEncoder(model.name, first, second)


def load_reranker() -> Reranker | None:
    """The cross-encoder of SOVEREIGN_RERANKER, verified and loaded; None where there is none.

    Raises ModelError.
    """
    if not settings.RERANKER:
        return None
    if settings.ENGINE == "fake":
        return FakeReranker()
    from inference.reranker import CrossEncoderReranker

    registry = Registry(settings.MODELS_DIR)
    model = registry.get(settings.RERANKER)
    if model.kind != "reranker":
        raise ModelError("model-kind", f"{model.name} is no reranker: set SOVEREIGN_RERANKER anew.")
    registry.verify(model)
    return CrossEncoderReranker(model.name, model.path, threads())


def _encoder(registry: Registry, model: Model) -> Encoder:
    """In 8 bit integers where the file for it was made; on a GPU, and elsewhere, in floats."""
    gpu = _on_gpu()
    if not gpu and _precision() == "int8" and registry.has_made(model.name, int8.FILE):
        return int8.Int8Encoder(model.name, model.path, threads())
    from inference.encoders import SentenceEncoder

    return SentenceEncoder(model.name, model.path, threads(), gpu=gpu)


def _on_gpu() -> bool:
    """Raises ModelError where SOVEREIGN_EMBED_DEVICE wants a GPU and torch finds none."""
    device = _known("SOVEREIGN_EMBED_DEVICE", settings.EMBED_DEVICE, DEVICES)
    if device == "cpu":
        return False
    import torch

    found: bool = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise ModelError(
            "no-gpu",
            "SOVEREIGN_EMBED_DEVICE=cuda, and torch finds no GPU: it needs a CUDA build of torch and "
            "its driver. Set `cpu` (or `auto`) to embed on the processor.",
        )
    return found


def _precision() -> str:
    return _known("SOVEREIGN_EMBED_PRECISION", settings.EMBED_PRECISION, PRECISIONS)


def _known(name: str, value: str, values: tuple[str, ...]) -> str:
    if value not in values:
        raise ModelError("embed-setting", f"{name} is {value!r}. Known: {', '.join(values)}.")
    return value


def known_embedders() -> list[EmbedderInfo]:
    """The embedders whose files are here."""
    if settings.ENGINE == "fake":
        return FakeClient().embedders()
    registry = Registry(settings.MODELS_DIR)
    return [
        EmbedderInfo(model.name, _dimension(registry, model), model.context, "available")
        for model in registry.models()
        if model.kind == "embedder" and model.installed
    ]


def _dimension(registry: Registry, model: Model) -> int:
    """As its configuration says; 0 where it does not. Of a pair the sum."""
    if model.members:
        return sum(_dimension(registry, registry.get(name)) for name in model.members)
    return int(read_json(model.path / "config.json").get("hidden_size") or 0)


def _kind() -> str:
    kind = str(settings.ENGINE)
    if kind not in ENGINES:
        raise ModelError(
            "engine-unknown", f"SOVEREIGN_ENGINE is {kind!r}. Known: {', '.join(ENGINES)}."
        )
    if kind != "auto":
        return kind
    if settings.OPENAI_URLS:
        return "openai"
    if chat_model() in ("", "none"):
        return "extractive"
    return next((name for name, module in _MODULES.items() if find_spec(module)), "missing")


def _local(kind: str, name: str = "") -> Engine:
    registry = Registry(settings.MODELS_DIR)
    model = registry.get(name or chat_model())
    if not model.chats:
        raise ModelError("model-kind", f"{model.name} cannot chat: set SOVEREIGN_CHAT_MODEL anew.")
    registry.verify(model)
    check(fit_of(model.name, free()))
    if kind not in _MODULES or not find_spec(_MODULES[kind]):
        raise ModelError(
            "engine-missing",
            "Neither llama-cpp-python nor xllamacpp is installed as SOVEREIGN_ENGINE wants it. "
            "Run `make up` again: it builds or fetches one.",
        )
    if model.kind == "adapter":
        base = registry.get(model.base)
        registry.verify(base)
        return adapted(_engine(kind, base, model.path), model, base)
    return _engine(kind, model)


def _gpu_layers(kind: str, model: Model) -> int:
    """As set; -1: as many as fit, which xllamacpp finds out by itself."""
    if settings.GPU_LAYERS >= 0 or kind == "xllamacpp":
        return int(settings.GPU_LAYERS)
    from inference import gpu

    return gpu.measured(model.path, settings.CONTEXT_TOKENS, threads(), settings.PARALLEL)


def _engine(kind: str, model: Model, adapter: Path | None = None) -> Engine:
    options = {"context": settings.CONTEXT_TOKENS, "threads": threads()}
    options["gpu_layers"] = _gpu_layers(kind, model)
    if kind == "xllamacpp":
        if adapter:
            raise ModelError(
                "adapter-engine", "Adapters need the engine llama-cpp-python; here is xllamacpp."
            )
        from inference.xllama import XllamaEngine

        return XllamaEngine(model, **options, parallel=settings.PARALLEL or 4)
    if settings.PARALLEL == 1:
        from inference.engine import LlamaCppEngine

        return LlamaCppEngine(model, **options, adapter=adapter)
    from inference.batched import BatchedEngine

    return BatchedEngine(
        model,
        **options,
        parallel=settings.PARALLEL,
        adapter=adapter,
        lookup=settings.PROMPT_LOOKUP,
    )


def _remote() -> Engine:
    from inference.asking import Limits
    from inference.remote import Servers, connect

    if not settings.OPENAI_URLS:
        raise ModelError("engine-address", "SOVEREIGN_ENGINE=openai needs SOVEREIGN_OPENAI_URL.")
    servers = Servers(
        settings.OPENAI_URLS,
        allowed=settings.ALLOWED_ADDRESSES,
        key=settings.OPENAI_KEY,
        keys=settings.OPENAI_KEYS,
        # Of a server that tells how many it takes at once that many.
        parallel=settings.PARALLEL if settings.PARALLEL > 1 else 4,
        limits=Limits(
            connect=settings.OPENAI_CONNECT_SECONDS,
            first=settings.OPENAI_FIRST_SECONDS,
            silence=settings.OPENAI_SILENCE_SECONDS,
            whole=settings.OPENAI_WHOLE_SECONDS,
        ),
    )
    return connect(servers, model=settings.CHAT_MODEL, context=settings.CONTEXT_TOKENS)
