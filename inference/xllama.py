"""Chat models through xllamacpp's prebuilt wheel, where llama-cpp-python could not be built.

The wheel holds llama.cpp's server. It listens on a Unix socket in a folder of this process alone,
and gets tokens, not text: they are made segment by segment, so that what somebody wrote can hold no
special token.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from inference.errors import ModelError, PromptTooLong
from inference.model import Model
from inference.protocol import ChatMessage, ModelInfo, Piece, Sampling, Usage
from inference.templates import FAMILIES, render
from inference.text import TextFilter
from inference.wire import Wire


class XllamaEngine:
    """A GGUF file in this process. `model` must have been verified."""

    def __init__(
        self, model: Model, *, context: int, threads: int, gpu_layers: int = 0, parallel: int = 1
    ) -> None:
        import xllamacpp

        self.parallel = parallel
        self._folder = Path(tempfile.mkdtemp(prefix="sovereign-engine-"))
        context = min(context, model.context or context)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(model.path)
        parameters.hostnames = [str(self._folder / "engine.sock")]
        parameters.n_ctx = context * max(1, (parallel + 1) // 2)
        parameters.n_parallel, parameters.kv_unified = parallel, True
        parameters.n_gpu_layers = gpu_layers
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        parameters.verbosity = -1
        parameters.ui, parameters.use_jinja = False, False
        try:
            self._server = xllamacpp.Server(parameters)
        except RuntimeError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise ModelError("model-not-loaded", f"llama.cpp cannot load {model.name}.") from error
        self._wire = Wire(f"unix:{self._folder / 'engine.sock'}", patience=0.0)
        self._family = FAMILIES.get(model.family, FAMILIES["plain"])
        self.info = ModelInfo(
            name=model.name,
            engine="xllamacpp",
            context=context,
            family=self._family.name,
            sha256=model.sha256,
            licence=model.licence,
            bytes=model.bytes,
        )

    def count(self, text: str) -> int:
        return len(self._tokenize(text, special=False))

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        """Raises PromptTooLong before the first piece."""
        segments = render(messages, self._family.name)
        tokens = self._tokenize("", special=False, bos=True) if self._family.bos else []
        for segment in segments:
            tokens += self._tokenize(segment.text, special=segment.trusted)
        room = self.info.context - len(tokens)
        if room < 1:
            raise PromptTooLong(len(tokens), self.info.context)
        body = {
            "prompt": tokens,
            "n_predict": min(sampling.max_tokens, room),
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            "cache_prompt": True,
            "return_progress": True,
        }
        yield from self._read(self._wire.stream("/completion", body), sampling, len(tokens))

    def close(self) -> None:
        self._wire.close()
        del self._server
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(
        self, chunks: Generator[dict[str, Any], None, None], sampling: Sampling, prompt: int
    ) -> Generator[Piece, None, None]:
        text = TextFilter([*sampling.stop, *self._family.stop])
        written, cached, limited = 0, 0, False
        with contextlib.closing(chunks):
            for chunk in chunks:
                yield Piece(text.feed(str(chunk.get("content") or "").encode()))
                progress = chunk.get("prompt_progress") or {}
                cached = int(progress.get("cache") or cached)
                written = int(chunk.get("tokens_predicted") or written)
                limited = chunk.get("stop_type") == "limit"
                if text.stopped:
                    break
        usage = Usage(prompt=prompt, cached=cached, completion=written)
        yield Piece(text.flush(), "length" if limited and not text.stopped else "stop", usage)

    def _tokenize(self, text: str, *, special: bool, bos: bool = False) -> list[int]:
        body = {"content": text, "parse_special": special, "add_special": bos}
        return [int(token) for token in self._wire.post("/tokenize", body)["tokens"]]
