"""llama.cpp's low-level interface as the engine needs it: a model, and one context of many sequences.

All sequences share one pool of cells, so that a prefix is shared without being copied. The names
change from version to version: llama-cpp-python is pinned exactly. Everything but `tokenize`,
`piece` and `ends` is called from one thread at a time.
"""

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from inference.protocol import Sampling

# Else the library prints every tensor that it loads.
logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)

_BYTES_A_NUMBER = 2
#: llama.cpp pads its pool to a multiple of this.
_PAD = 256


class NoRoom(Exception):
    """No cells are free for this batch; the context is as it was before."""


class CannotLoad(Exception):
    """llama.cpp refuses the file or the size of the context."""


@dataclass(frozen=True, slots=True)
class Row:
    """One token of a batch: its place in a sequence, and whether a token is drawn behind it."""

    token: int
    place: int
    sequence: int
    drawn: bool = False


class Weights:
    """A GGUF file in memory, and its vocabulary. Raises CannotLoad."""

    def __init__(self, path: Path, *, gpu_layers: int = 0) -> None:
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        # -1: all of them.
        parameters.n_gpu_layers = gpu_layers if gpu_layers >= 0 else 0x7FFFFFFF
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise CannotLoad
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.size = int(llama_cpp.llama_vocab_n_tokens(self.vocabulary))
        self.trained = int(llama_cpp.llama_model_n_ctx_train(self.model))
        self.bos = int(llama_cpp.llama_vocab_bos(self.vocabulary))
        #: A state that is no list of cells can neither be cut nor shared in part.
        self.divisible = not (
            llama_cpp.llama_model_is_recurrent(self.model)
            or llama_cpp.llama_model_is_hybrid(self.model)
        )
        self._ends: dict[int, bool] = {}
        self.adapter: Any = None

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode()
        room = len(data) + 8
        while True:
            tokens = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(
                self.vocabulary, data, len(data), tokens, room, False, special
            )
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """The library's own `detokenize` has room for 32 bytes, and some tokens are longer."""
        buffer = ctypes.create_string_buffer(512)
        size = llama_cpp.llama_token_to_piece(
            self.vocabulary, llama_cpp.llama_token(token), buffer, len(buffer), 0, False
        )
        return buffer.raw[: max(size, 0)]

    def ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))

    @property
    def cell_bytes(self) -> int:
        """Memory that a token takes in the pool: keys and values of all layers."""
        model = self.model
        heads = llama_cpp.llama_model_n_head(model) or 1
        width = llama_cpp.llama_model_n_embd(model) // heads
        per_layer = 2 * width * (llama_cpp.llama_model_n_head_kv(model) or heads)
        return int(llama_cpp.llama_model_n_layer(model) * per_layer * _BYTES_A_NUMBER)

    def adapt(self, path: Path) -> None:
        """Let every context that is made from now on use a LoRA adapter. Raises CannotLoad."""
        # It is freed with the model.
        self.adapter = llama_cpp.llama_adapter_lora_init(self.model, str(path).encode())
        if not self.adapter:
            self.close()
            raise CannotLoad

    def close(self) -> None:
        llama_cpp.llama_model_free(self.model)


class Sampler:
    """How tokens of one generation are drawn. Close it."""

    def __init__(self, sampling: Sampling) -> None:
        parameters = llama_cpp.llama_sampler_chain_default_params()
        self._chain = llama_cpp.llama_sampler_chain_init(parameters)
        for part in _parts(sampling):
            llama_cpp.llama_sampler_chain_add(self._chain, part)

    def draw(self, context: object, row: int) -> int:
        return int(llama_cpp.llama_sampler_sample(self._chain, context, row))

    def close(self) -> None:
        llama_cpp.llama_sampler_free(self._chain)


def _parts(sampling: Sampling) -> list[object]:
    if sampling.temperature <= 0:
        return [llama_cpp.llama_sampler_init_greedy()]
    return [
        llama_cpp.llama_sampler_init_top_k(40),
        llama_cpp.llama_sampler_init_top_p(0.95, 1),
        llama_cpp.llama_sampler_init_min_p(0.05, 1),
        llama_cpp.llama_sampler_init_temp(sampling.temperature),
        llama_cpp.llama_sampler_init_dist(sampling.seed),
    ]


class Context:
    """`sequences` sequences over a pool of `cells` tokens. Raises CannotLoad."""

    def __init__(
        self,
        weights: Weights,
        *,
        sequences: int,
        cells: int,
        batch: int,
        outputs: int,
        threads: int,
    ) -> None:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_seq_max = cells, sequences
        parameters.kv_unified = True
        parameters.n_batch = parameters.n_ubatch = batch
        # Fewer than sequences, and llama.cpp aborts the process.
        parameters.n_outputs_max = max(outputs, sequences)
        parameters.n_threads = parameters.n_threads_batch = threads
        # Only this kernel skips the cells of other sequences: without it everyone pays for all.
        parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        parameters.no_perf = True
        self._weights = weights
        self.pointer = llama_cpp.llama_init_from_model(weights.model, parameters)
        if not self.pointer:
            raise CannotLoad
        if weights.adapter:
            one = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(weights.adapter)
            full = (ctypes.c_float * 1)(1.0)
            llama_cpp.llama_set_adapters_lora(self.pointer, one, 1, full)
        self._memory = llama_cpp.llama_get_memory(self.pointer)
        self._batch = _Batch(batch)
        self.cells = int(llama_cpp.llama_n_ctx(self.pointer))

    def decode(self, rows: Sequence[Row]) -> None:
        """Evaluate ROWS; tokens may be drawn behind those that say so. Raises NoRoom."""
        code = llama_cpp.llama_decode(self.pointer, self._batch.fill(rows))
        if code == 1:
            raise NoRoom
        if code:
            raise RuntimeError(f"llama_decode returned {code}")

    def share(self, source: int, target: int, upto: int) -> None:
        """Let TARGET, which is empty, have the first UPTO tokens of SOURCE too."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, upto)

    def cut(self, sequence: int, length: int) -> bool:
        """Forget what is behind LENGTH tokens. False: this cannot be cut, and all was forgotten."""
        if llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def likeliest(self, row: int, count: int) -> tuple[tuple[int, float], ...]:
        """The likeliest tokens behind a row, with the logarithms of their probabilities."""
        found = llama_cpp.llama_get_logits_ith(self.pointer, row)
        scores = np.ctypeslib.as_array(found, shape=(self._weights.size,)).astype(np.float64)
        best = scores.argsort()[::-1][:count]
        total = scores.max() + np.log(np.exp(scores - scores.max()).sum())
        return tuple((int(token), float(scores[token] - total)) for token in best)

    def close(self) -> None:
        llama_cpp.llama_free(self.pointer)


class _Batch:
    """A llama_batch over memory of ours, so that it is filled by columns and never freed by C."""

    def __init__(self, most: int) -> None:
        self._token, self._place, self._sequence, self._one = np.zeros((4, most), np.int32)
        self._one[:] = 1
        self._drawn = np.zeros(most, np.int8)
        first = self._sequence.ctypes.data
        self._pointers = (first + 4 * np.arange(most)).astype(np.uintp)
        self._struct = llama_cpp.llama_batch()
        for name, column in (
            ("token", self._token),
            ("pos", self._place),
            ("n_seq_id", self._one),
            ("seq_id", self._pointers),
            ("logits", self._drawn),
        ):
            kind = dict(llama_cpp.llama_batch._fields_)[name]
            setattr(self._struct, name, ctypes.cast(column.ctypes.data, kind))

    def fill(self, rows: Sequence[Row]) -> object:
        count = len(rows)
        self._token[:count] = [row.token for row in rows]
        self._place[:count] = [row.place for row in rows]
        self._sequence[:count] = [row.sequence for row in rows]
        self._drawn[:count] = [row.drawn for row in rows]
        self._struct.n_tokens = count
        return self._struct
