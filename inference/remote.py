"""Any OpenAI-compatible server on this machine or a listed inner address (llama-server, vLLM)."""

from collections.abc import Generator, Sequence

from inference.client import chat_body, read_pieces
from inference.errors import ModelError
from inference.protocol import ChatMessage, ModelInfo, ModelsUnavailable, Piece, Sampling
from inference.templates import neutralise
from inference.wire import Wire, check_address


class RemoteEngine:
    """Renders no prompt: the other server does. What was said is neutralised for all families."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: str,
        context: int,
        allowed: Sequence[str],
        parallel: int = 1,
    ) -> None:
        self.parallel = parallel
        try:
            check_address(url, allowed)
            self._wire = Wire(url.rstrip("/").removesuffix("/v1"), key=key, patience=0.0)
            served = [str(item["id"]) for item in self._wire.get("/v1/models")["data"]]
        except ModelsUnavailable as error:
            raise ModelError(error.code, f"{url}: {error.detail}") from error
        if not served:
            raise ModelError("model-unknown", f"{url} serves no model.")
        self._remote = model if model in served else served[0]
        self.info = ModelInfo(name=self._remote, engine="openai", context=context)

    def count(self, text: str) -> int:
        """An estimate on the safe side: the other server's tokenizer is not asked for each text."""
        return (len(text.encode()) + 2) // 3

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        safe = [ChatMessage(m.role, neutralise(m.content)) for m in messages]
        body = chat_body(safe, sampling, self._remote)
        return read_pieces(self._wire.stream("/v1/chat/completions", body))

    def close(self) -> None:
        self._wire.close()
