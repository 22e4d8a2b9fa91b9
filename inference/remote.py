"""OpenAI-compatible servers on this machine or on listed inner addresses (llama-server, vLLM)."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from inference.asking import Limits
from inference.client import chat_body, read_pieces
from inference.errors import ModelError, PassingError
from inference.protocol import ChatMessage, ModelInfo, ModelsUnavailable, Piece, Sampling
from inference.replica import Replica
from inference.replicas import Replicas
from inference.templates import neutralise
from inference.text import estimate
from inference.wire import check_address

#: How long the first look at all of them may take.
FIRST_LOOK_SECONDS = 15.0
#: Each waits in a thread.
MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are and how they are called. `keys`: by host:port; `key` for all others.

    `parallel`: generations at once on each that tells no number.
    """

    urls: Sequence[str]
    allowed: Sequence[str] = ()
    key: str = field(default="", repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    parallel: int = 4
    limits: Limits = field(default_factory=Limits)


class RemoteEngine:
    """One model of several servers. Renders no prompt: they do; what was said is neutralised for all
    families.

    `context`: the most that is asked of a model. `parallel`: generations at once, of all servers.
    """

    def __init__(
        self, replicas: Replicas, model: str, *, context: int, parallel: int, shared: bool = False
    ) -> None:
        self.replicas, self.parallel = replicas, parallel
        self._context, self._shared = context, shared
        self.info = self._info(model, replicas.models())

    def models(self) -> list[ModelInfo]:
        """All that can be asked for now, this one first. Empty: all are away."""
        served = self.replicas.models()
        return [
            self._info(name, served) for name in sorted(served, key=lambda n: n != self.info.name)
        ]

    def describe(self) -> list[dict[str, object]]:
        """Each server: whether it is asked, and why not."""
        return self.replicas.describe()

    def named(self, model: str) -> "RemoteEngine":
        """The same servers, asked for another of their models. They are closed by the first alone."""
        options = {"context": self._context, "parallel": self.parallel}
        return RemoteEngine(self.replicas, model, **options, shared=True)

    def count(self, text: str) -> int:
        """An estimate: the other server's tokenizer is not asked for each text."""
        return estimate(text)

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        safe = [ChatMessage(m.role, neutralise(m.content)) for m in messages]
        return read_pieces(self.replicas.stream(chat_body(safe, sampling, self.info.name)))

    def close(self) -> None:
        if not self._shared:
            self.replicas.close()

    def _info(self, name: str, served: Mapping[str, int]) -> ModelInfo:
        told = served.get(name, 0)
        context = min(told, self._context) if told else self._context
        return ModelInfo(name=name, engine="openai", context=context)


def connect(servers: Servers, *, model: str, context: int) -> RemoteEngine:
    """SERVERS, asked for MODEL where one has it, else for the first that one has.

    Raises ModelError: `engine-address`, `address-not-allowed`, `replicas-away`.
    """
    made = [_replica(url, servers) for url in servers.urls]
    replicas = Replicas(made, servers.limits)
    replicas.wait(FIRST_LOOK_SECONDS)
    served = replicas.models()
    if not served:
        replicas.close()
        raise _away(made)
    seats = sum(replica.seats for replica in made)
    chosen = model if model in served else next(iter(served))
    return RemoteEngine(replicas, chosen, context=context, parallel=min(seats, MOST_AT_ONCE))


def _replica(url: str, servers: Servers) -> Replica:
    """Raises ModelError for an address that is none, or that may not be called."""
    try:
        about = urlsplit(url)
        known = about.scheme in ("http", "https") and about.hostname and about.port != 0
    except ValueError:
        known = None
    if not known or about.username is not None or about.query or about.fragment:
        raise ModelError("engine-address", "SOVEREIGN_OPENAI_URL must look like http://host:port.")
    try:
        check_address(url, servers.allowed)
    except ModelsUnavailable as error:
        raise ModelError(error.code, error.detail) from error
    plain = url.rstrip("/").removesuffix("/v1")
    # Hosts are the same in capitals: a key of one's own must not give way to everybody's.
    keys = {where.lower(): key for where, key in servers.keys.items()}
    key = keys.get(urlsplit(plain).netloc.lower(), servers.key)
    return Replica(plain, key, seats=servers.parallel)


def _away(replicas: Sequence[Replica]) -> PassingError:
    each = "; ".join(f"{replica.name}: {replica.code}" for replica in replicas)
    return PassingError("replicas-away", f"No model server can be asked: {each}.")
