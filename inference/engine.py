"""Chat models through llama-cpp-python: one context, tokens streamed, the prefix kept."""

import ctypes
from collections.abc import Generator, Sequence
from pathlib import Path

import llama_cpp
import numpy as np

from inference.errors import ModelError, PromptTooLong
from inference.model import Model
from inference.protocol import ChatMessage, ModelInfo, Piece, Sampling, Usage
from inference.templates import FAMILIES, render
from inference.text import TextFilter

#: Prompt tokens that are read in one call. A cancelled request waits for one call at most.
READ_TOKENS = 64


class LlamaCppEngine:
    """A GGUF file in this process. `model` must have been verified."""

    parallel = 1

    def __init__(
        self,
        model: Model,
        *,
        context: int,
        threads: int,
        gpu_layers: int = 0,
        adapter: Path | None = None,
    ) -> None:
        context = min(context, model.context or context)
        try:
            self._llama = llama_cpp.Llama(
                model_path=str(model.path),
                n_ctx=context,
                n_batch=READ_TOKENS,
                n_ubatch=READ_TOKENS,
                n_threads=threads,
                n_threads_batch=threads,
                n_gpu_layers=gpu_layers,
                flash_attn=bool(gpu_layers),
                lora_path=str(adapter) if adapter else None,
                # The file's own template would be compiled otherwise: ours are used (templates.py).
                chat_format=model.family,
                verbose=False,
            )
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                "model-not-loaded",
                f"llama.cpp cannot load {model.name}. It may be too new for this version, or the "
                "memory is too small: set SOVEREIGN_CONTEXT_TOKENS lower or choose another model.",
            ) from error
        self._family = FAMILIES.get(model.family, FAMILIES["plain"])
        self.info = ModelInfo(
            name=model.name,
            engine="llama-cpp-python",
            context=int(self._llama.n_ctx()),
            family=self._family.name,
            sha256=model.sha256,
            licence=model.licence,
            bytes=model.bytes,
        )

    def count(self, text: str) -> int:
        """Safe beside a generation: the vocabulary is only read."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        """Pieces without text are given while the prompt is read, so that it can be cancelled.

        Raises PromptTooLong before the first piece.
        """
        tokens = self._tokens(messages)
        room = self.info.context - len(tokens)
        if room < 1:
            raise PromptTooLong(len(tokens), self.info.context)
        cached = self._keep_prefix(tokens)
        for start in range(cached, len(tokens) - 1, READ_TOKENS):
            self._llama.eval(tokens[start : min(start + READ_TOKENS, len(tokens) - 1)])
            yield Piece()
        yield from self._write(tokens, cached, sampling, min(sampling.max_tokens, room))

    def close(self) -> None:
        self._llama.close()

    def _write(
        self, tokens: list[int], cached: int, sampling: Sampling, most: int
    ) -> Generator[Piece, None, None]:
        self._llama.set_seed(sampling.seed)
        text = TextFilter([*sampling.stop, *self._family.stop])
        written = 0
        # All but the last token are in the context: `generate` finds them there and goes on.
        for token in self._llama.generate(tokens, temp=sampling.temperature):
            if self._ends(token):
                break
            written += 1
            if written == 1 and sampling.top_logprobs:
                yield Piece(top=self._top(sampling.top_logprobs))
            if shown := text.feed(self._bytes(token)):
                yield Piece(shown)
            if text.stopped or written >= most:
                break
        rest = text.flush()
        ended = written < most or text.stopped
        usage = Usage(prompt=len(tokens), cached=cached, completion=written)
        yield Piece(rest, "stop" if ended else "length", usage)

    def _tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Special tokens come out of our own template alone, never out of what somebody wrote."""
        tokens: list[int] = []
        for segment in render(messages, self._family.name):
            tokens += self._llama.tokenize(
                segment.text.encode(), add_bos=False, special=segment.trusted
            )
        first = self._llama.token_bos()
        return [first, *tokens] if self._family.bos and first >= 0 else tokens

    def _keep_prefix(self, tokens: list[int]) -> int:
        """Cut the context back to what TOKENS share with it; the last token is always read anew."""
        held = self._llama.input_ids[: self._llama.n_tokens].tolist()
        shared = 0
        for ours, theirs in zip(tokens[:-1], held, strict=False):
            if ours != theirs:
                break
            shared += 1
        if shared:
            self._llama.n_tokens = shared
        else:
            self._llama.reset()
        return shared

    def _ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))

    def _bytes(self, token: int) -> bytes:
        """The library's own `detokenize` has room for 32 bytes, and some tokens are longer."""
        buffer = ctypes.create_string_buffer(512)
        size = llama_cpp.llama_token_to_piece(
            self._vocabulary, llama_cpp.llama_token(token), buffer, len(buffer), 0, False
        )
        return buffer.raw[: max(size, 0)]

    def _top(self, count: int) -> tuple[tuple[str, float], ...]:
        """The likeliest tokens at this place, from the scores that the last one was drawn from."""
        scores = np.ctypeslib.as_array(
            llama_cpp.llama_get_logits_ith(self._llama.ctx, -1), shape=(self._llama.n_vocab(),)
        ).astype(np.float64)
        best = scores.argsort()[::-1][:count]
        total = scores.max() + np.log(np.exp(scores - scores.max()).sum())
        return tuple(
            (self._bytes(int(token)).decode(errors="replace"), float(scores[token] - total))
            for token in best
        )

    @property
    def _vocabulary(self) -> object:
        return llama_cpp.llama_model_get_vocab(self._llama.model)
