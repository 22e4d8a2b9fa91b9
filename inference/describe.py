"""What a file or a folder of weights is, read from its header and settings; nothing in it is run."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from inference import formats, gguf, templates
from inference.errors import ModelError
from inference.model import Model, read_json, sha256_of

Get = Callable[[str], Model]


def describe_gguf(path: Path, base: str, get: Get) -> Model:
    """All of a GGUF file but its hash. `get` finds the model that an adapter is for. Raises ModelError."""
    header = gguf.read_header(path)
    model = Model(
        name=slug(path.stem),
        kind="chat",
        folder=str(path.parent),
        files={path.name: ""},
        bytes=path.stat().st_size,
        licence=header.licence[:80] or "unknown",
        context=header.context or 2_048,
        family=templates.guess_family(header.architecture, header.template),
        source=header.name[:120] or header.architecture,
        by_hand=True,
    )
    if header.type == "model":
        return model
    found = _base(header, base, get)
    return replace(
        model, kind="adapter", base=found.name, context=found.context, family=found.family
    )


def _base(header: gguf.GgufHeader, base: str, get: Get) -> Model:
    """The model that an adapter is for: of the same architecture."""
    if (header.type, header.adapter) != ("adapter", "lora"):
        raise ModelError(
            "adapter-unknown",
            "This GGUF file is neither a model nor a LoRA adapter, so nothing here can use it.",
        )
    if not base:
        raise ModelError(
            "adapter-base", "This is an adapter: say which chat model it is for (--base NAME)."
        )
    model = get(base)
    if model.kind != "chat" or not model.installed:
        raise ModelError("adapter-base", f"{base} is no chat model that is here.")
    its = gguf.read_header(model.path).architecture
    if its != header.architecture:
        raise ModelError(
            "adapter-base",
            f"This adapter is for a model of the architecture {header.architecture[:40]}, and "
            f"{base} is {its[:40]}. Choose the model that it was trained on.",
        )
    return model


def describe_folder(path: Path, kind: str) -> Model:
    from inference.encoders import refuse_pickles
    from inference.reranker import context_of, is_cross_encoder, not_one

    refuse_pickles(path)
    reranks = is_cross_encoder(path)
    if kind == "reranker" and not reranks:
        raise not_one(path.name)
    reranks = reranks and kind in ("", "reranker")
    files = formats.files_of(path)
    # The weights come first: their hash stands for the model.
    files.sort(key=lambda file: file.name != "model.safetensors")
    settings = read_json(path / "sentence_bert_config.json")
    return Model(
        name=slug(path.name),
        kind="reranker" if reranks else "embedder",
        folder=str(path),
        files={file.relative_to(path).as_posix(): sha256_of(file) for file in files},
        bytes=sum(file.stat().st_size for file in files),
        licence="unknown",
        context=context_of(path) if reranks else int(settings.get("max_seq_length") or 512),
        family="",
        source="added by hand",
        by_hand=True,
    )


def slug(text: str) -> str:
    """A model's name out of any text."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:80] or "model"


def family_of(name: str) -> str:
    if name and name not in templates.FAMILIES:
        known = ", ".join(sorted(templates.FAMILIES))
        raise ModelError("model-family", f"There is no family {name!r}. Known: {known}.")
    return name
