"""Chat models through llama-cpp-python, many generations at once over one copy of the weights."""

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from queue import SimpleQueue

import structlog

from inference.batching import Batcher, Job
from inference.errors import ModelError, PromptTooLong
from inference.llama import CannotLoad, Context, Weights
from inference.lookup import MOST_ROWS
from inference.model import Model
from inference.plan import Plan, plan
from inference.protocol import ChatMessage, ModelInfo, ModelsUnavailable, Piece, Sampling
from inference.seats import Seats
from inference.templates import FAMILIES, render
from inference.text import TextFilter

log = structlog.get_logger(__name__)

#: Prompt tokens in a step: with fewer the kernel for attention is slower by a fifth, and by more the
#: more sequences there are. A cancelled request waits for one step at most.
READ_TOKENS = 128
_GPU_TOKENS = 512


class BatchedEngine:
    """A GGUF file in this process. `model` must have been verified.

    `parallel`: generations at once; 0: what memory and cores are good for. `chat` may be called by
    that many threads; more than that wait. `lookup`: prompts are looked up (lookup.py).
    """

    def __init__(
        self,
        model: Model,
        *,
        context: int,
        threads: int,
        gpu_layers: int = 0,
        parallel: int = 0,
        adapter: Path | None = None,
        lookup: bool = True,
    ) -> None:
        try:
            self._weights = Weights(model.path, gpu_layers=gpu_layers)
            if adapter:
                self._weights.adapt(adapter)
        except CannotLoad as error:
            raise _not_loaded(model) from error
        context = min(context, model.context or context)
        read = _GPU_TOKENS if gpu_layers else READ_TOKENS
        made = plan(self._weights.cell_bytes, context, threads, parallel, gpu=bool(gpu_layers))
        self.parallel = made.parallel
        try:
            self._context = _context(self._weights, made, read, threads)
        except CannotLoad as error:
            self._weights.close()
            raise _not_loaded(model) from error
        self._family = FAMILIES.get(model.family, FAMILIES["plain"])
        self.info = ModelInfo(
            name=model.name,
            engine="llama-cpp-python",
            context=min(context, self._context.cells),
            family=self._family.name,
            sha256=model.sha256,
            licence=model.licence,
            bytes=model.bytes,
        )
        seats = Seats(made.sequences, self._context.cells, divisible=self._weights.divisible)
        self._batcher = Batcher(
            self._weights, self._context, seats, slice_tokens=read, guesses=lookup
        )
        self._closed = False
        self._arrived: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="llama", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._batcher.busy

    def count(self, text: str) -> int:
        """Safe beside generations: the vocabulary is only read."""
        return len(self._weights.tokenize(text, special=False))

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
        if self._closed:
            raise _lost()
        pieces: SimpleQueue[Piece | Exception] = SimpleQueue()
        text = TextFilter([*sampling.stop, *self._family.stop])
        job = Job(tokens, sampling, min(sampling.max_tokens, room), text, pieces.put)
        self._arrived.put(job)
        try:
            while True:
                piece = pieces.get()
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                if piece.finish:
                    return
        finally:
            job.cancelled = True

    def close(self) -> None:
        """End what runs, then free context and weights."""
        self._arrived.put(None)
        self._thread.join()
        self._context.close()
        self._weights.close()

    def _work(self) -> None:
        while self._take_in():
            try:
                self._batcher.step()
            except Exception as error:  # noqa: BLE001 - the engine must outlive one batch
                log.error("batch_failed", kind=type(error).__name__, detail=str(error))
                self._batcher.fail(_lost())
        self._closed = True
        while not self._arrived.empty():
            if job := self._arrived.get():
                self._batcher.add(job)
        self._batcher.fail(_lost())

    def _take_in(self) -> bool:
        """Give the batcher what arrived, and wait where there is nothing to do. False: it is over."""
        while not self._batcher.busy or not self._arrived.empty():
            job = self._arrived.get()
            if job is None:
                return False
            self._batcher.add(job)
        return True

    def _tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Special tokens come out of our own template alone, never out of what somebody wrote."""
        first = self._weights.bos
        tokens = [first] if self._family.bos and first >= 0 else []
        for segment in render(messages, self._family.name):
            tokens += self._weights.tokenize(segment.text, special=segment.trusted)
        return tokens


def _context(weights: Weights, made: Plan, read: int, threads: int) -> Context:
    return Context(
        weights,
        sequences=made.sequences,
        cells=made.cells,
        batch=read + made.parallel,
        outputs=max(made.sequences, MOST_ROWS),
        threads=threads,
    )


def _lost() -> ModelsUnavailable:
    return ModelsUnavailable(
        "models-lost", "The model failed in the middle of an answer. Ask again."
    )


def _not_loaded(model: Model) -> ModelError:
    return ModelError(
        "model-not-loaded",
        f"llama.cpp cannot load {model.name}. It may be too new for this version, or the "
        "memory is too small: set SOVEREIGN_CONTEXT_TOKENS lower or choose another model.",
    )
