"""What the generations of one answer took, counted as their pieces come."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast

from inference.energy import Known
from inference.protocol import ChatMessage, ModelInfo, ModelsClient, Piece, Sampling, Spent, Usage

#: As chat.choice has it, which is above this.
EXTRACTIVE = "extractive"


@dataclass(slots=True)
class Stage:
    """Tokens, seconds and joules of some generations."""

    generations: int = 0
    prompt: int = 0
    cached: int = 0
    written: int = 0
    waiting: float = 0.0
    reading: float = 0.0
    writing: float = 0.0
    joules: float = 0.0

    def add(self, usage: Usage, spent: Spent) -> None:
        self.generations += 1
        self.prompt += usage.prompt
        self.cached += usage.cached
        self.written += usage.completion
        self.waiting += spent.waiting
        self.reading += spent.reading
        self.writing += spent.writing
        self.joules += spent.joules or 0.0


@dataclass(slots=True)
class Tally:
    """Of one answer: `look` is the word that decides whether to answer, `text` everything else."""

    look: Stage = field(default_factory=Stage)
    text: Stage = field(default_factory=Stage)
    model: str = ""
    #: As ModelInfo.engine has it: "openai" is another machine's.
    engine: str = ""
    known: Known = "none"

    @property
    def generations(self) -> int:
        return self.look.generations + self.text.generations

    @property
    def watt_hours(self) -> float | None:
        """None where nothing tells them."""
        if self.known == "none":
            return None
        return (self.look.joules + self.text.joules) / 3_600

    def asked(self, model: ModelInfo | None) -> None:
        """None: the documents are quoted, and no model is asked."""
        self.model = model.name if model else EXTRACTIVE
        self.engine = model.engine if model else EXTRACTIVE

    def add(self, stage: Stage, usage: Usage, spent: Spent) -> None:
        stage.add(usage, spent)
        if spent.joules is not None:
            self.known = spent.known


def counted(client: ModelsClient, into: Tally) -> ModelsClient:
    """The same client; what its generations take is added to `into`."""
    return cast(ModelsClient, _Counted(client, into))


class _Counted:
    def __init__(self, client: ModelsClient, into: Tally) -> None:
        self._client, self._into = client, into

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling, **how: Any
    ) -> Generator[Piece, None, None]:
        stage = self._into.look if sampling.max_tokens == 1 else self._into.text
        return _heard(self._client.chat(messages, sampling, **how), self._into, stage)


def _heard(
    pieces: Generator[Piece, None, None], into: Tally, stage: Stage
) -> Generator[Piece, None, None]:
    began = time.monotonic()
    first: float | None = None
    words, usage, spent = 0, None, None
    try:
        with closing(pieces) as source:
            for piece in source:
                if piece.text or piece.top or piece.finish:
                    first = first or time.monotonic()
                words += bool(piece.text)
                usage, spent = piece.usage or usage, piece.spent or spent
                yield piece
    finally:
        if first is not None:
            # Stopped in the middle: a piece is about a token, and the look read about the same.
            usage = usage or Usage(into.look.prompt, into.look.prompt, words)
            mine = Spent(0.0, first - began, time.monotonic() - first)
            into.add(stage, usage, spent or mine)
