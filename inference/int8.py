"""A text embedder in 8 bit integers: onnxruntime and tokenizers alone, neither torch nor its company.

The file is made from the same folder by quantise.py. What the model wants in front of texts, how long
they may be and how its vectors are pooled comes from that folder's own configuration.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.errors import ModelError
from inference.model import read_json
from inference.protocol import Interrupted, Vectors

FILE = "model.int8.onnx"
INPUTS = ["input_ids", "attention_mask"]

_CHAIN = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
_OLD_POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done around the network. `prompts`: what goes in front of a query, and of a passage."""

    pooling: Literal["mean", "cls"]
    prompts: tuple[str, str]
    max_tokens: int
    dimension: int
    lower: bool


def read_recipe(folder: Path) -> Recipe:
    """Of an embedder's folder. Raises ModelError(`model-not-int8`) where there are steps unknown here."""
    chain = [str(kind).rsplit(".", 1)[-1] for kind in _kinds(folder / "modules.json")]
    if chain not in _CHAIN or not (folder / "tokenizer.json").is_file():
        raise _unfit("it is not a network with a tokenizer.json, pooling, and nothing after it")
    text = read_json(folder / "sentence_bert_config.json")
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    network = read_json(folder / "config.json")
    longest = text.get("max_seq_length") or network.get("max_position_embeddings")
    if not isinstance(longest, int) or not isinstance(network.get("hidden_size"), int):
        raise _unfit("its configuration does not tell its sizes")
    return Recipe(
        pooling=_pooling(read_json(folder / "1_Pooling" / "config.json")),
        prompts=(str(prompts.get("query") or ""), str(prompts.get("document") or "")),
        max_tokens=longest,
        dimension=network["hidden_size"],
        lower=bool(text.get("do_lower_case")),
    )


class Int8Encoder:
    """An embedder (protocol.Encoder). Texts beyond `max_tokens` are cut.

    Texts go through the network one by one: numbers are rounded by the largest of a batch, so a
    vector would depend on its neighbours. On a CPU that is no slower, since nothing is padded.
    """

    at_once = 1

    def __init__(self, name: str, folder: Path, threads: int, *, file: Path | None = None) -> None:
        from tokenizers import Tokenizer

        recipe = read_recipe(folder)
        self.name = name
        self.dimension, self.max_tokens = recipe.dimension, recipe.max_tokens
        self._recipe = recipe
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._room = self.max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._session = _session(file or folder / FILE, threads)
        self._passages: Any = None

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(self._cased(text), add_special_tokens=False).ids)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._recipe.prompts[0])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Raises Interrupted."""
        from onnxruntime import RunOptions

        options = self._passages = RunOptions()
        try:
            return self._embed(texts, self._recipe.prompts[1], options)
        except Exception as error:
            if options.terminate:
                raise Interrupted from error
            raise
        finally:
            self._passages = None

    def interrupt(self) -> None:
        if options := self._passages:
            options.terminate = True

    def _embed(self, texts: Sequence[str], prompt: str, options: Any = None) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._vector(self._ids(prompt + text.strip()), options)
        return vectors

    def _cased(self, text: str) -> str:
        return text.lower() if self._recipe.lower else text

    def _ids(self, text: str) -> NDArray[np.int64]:
        encoding = self._tokenizer.encode(self._cased(text), add_special_tokens=False)
        encoding.truncate(self._room)
        return np.array([self._tokenizer.post_process(encoding).ids], np.int64)

    def _vector(self, ids: NDArray[np.int64], options: Any) -> Vectors:
        if not ids.size:
            return np.zeros(self.dimension, np.float32)
        given = dict(zip(INPUTS, (ids, np.ones_like(ids)), strict=True))
        hidden: Vectors = self._session.run(None, given, options)[0][0]
        vector = hidden[0] if self._recipe.pooling == "cls" else hidden.mean(axis=0)
        found: Vectors = vector / np.maximum(np.linalg.norm(vector), 1e-12)
        return found


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Waiting threads would take cores from the chat model and from the other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Kept for each length that ever came, it would grow to hundreds of megabytes.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _kinds(file: Path) -> list[str]:
    """What modules.json lists, in order; read_json takes objects alone."""
    try:
        return [str(each["type"]) for each in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _pooling(config: dict[str, Any]) -> Literal["mean", "cls"]:
    modes = config.get("pooling_mode")
    if modes is None:
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
        modes = [_OLD_POOLING.get(key, key) for key in on]
    modes = [modes] if isinstance(modes, str) else modes
    if modes not in (["mean"], ["cls"]) or config.get("include_prompt") is False:
        raise _unfit("its vectors are pooled in another way than by their mean or the first")
    return "mean" if modes == ["mean"] else "cls"


def _unfit(why: str) -> ModelError:
    return ModelError("model-not-int8", f"It cannot be run in 8 bit integers: {why}.")
