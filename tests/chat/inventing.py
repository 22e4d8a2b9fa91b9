"""A model that writes what no document says."""

from collections.abc import Generator, Sequence

from inference.fake import FakeClient
from inference.protocol import ChatMessage, Piece, Sampling, Usage


class Invents(FakeClient):
    """Is sure that the passages answer, and writes what they do not say."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling, **_: object
    ) -> Generator[Piece, None, None]:
        if sampling.top_logprobs:
            yield Piece(top=(("Yes", -0.01), ("No", -5.0)))
        else:
            yield Piece(self.said)
        yield Piece("", "stop", Usage(1, 0, 1))
