"""What `manage.py doctor --sizing` says: measured figures, people, and what more would bring."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from chat.pack import LEAST_TOKENS, OVERHEAD, budget
from inference.errors import ModelError
from inference.gguf import read_header
from inference.protocol import ModelInfo, ModelsClient, ModelsUnavailable, Speed
from inference.registry import Registry
from inference.tensors import read_layout
from sovereign import sizing, sizing_measure
from sovereign.sizing import FLOPS_SHARE, Need, Rate, Station, Use, Weights, Work
from sovereign.sizing_measure import Hardware

#: What an answer of one or two sentences has; the setting is the most.
ANSWER_TOKENS = 120
#: What a question reads on a machine that could read more: else a faster one would serve no more people.
BOUGHT_TOKENS = 1_000
#: Fast enough to be read along.
WRITING = 10.0
_SEQUENCES = (1, 2, 4, 8, 16)
_NO_WEIGHTS = Weights("", 0.0, 0.0)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sized:
    """One model here. `people`: by seconds to the first word of nine of ten; `code`: why there is none."""

    name: str
    code: str = ""
    weights: Weights = _NO_WEIGHTS
    context: int = 0
    fits: int = 0
    work: Work = field(default_factory=lambda: Work(0, 0))
    rates: tuple[Rate, ...] = ()
    alone: float = 0.0
    people: tuple[tuple[float, int], ...] = ()
    least: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    hardware: Hardware
    passages: float
    models: tuple[Sized, ...]
    use: Use
    seconds: float
    wanted: int
    bought: tuple[tuple[str, tuple[int | None, ...]], ...]

    @property
    def best(self) -> Sized | None:
        """The largest model that serves as many people as are wanted, within twice the time."""
        able = [each for each in self.models if dict(each.people).get(2 * self.seconds, 0)]
        enough = [each for each in able if dict(each.people)[2 * self.seconds] >= self.wanted]
        found = enough or able
        if not enough:
            return max(found, key=lambda each: dict(each.people)[2 * self.seconds], default=None)
        return max(found, key=lambda each: each.weights.bytes)

    def need(self, model: Sized) -> Need:
        """For the people that are wanted, with that model and the passages that it reads here."""
        rate = self.use.rate(self.wanted)
        return sizing.needed(model.weights, model.work, rate, self.seconds, WRITING)

    def as_dict(self) -> dict[str, Any]:
        best = self.best
        return asdict(self) | {"best": best.name if best else None}


def report(
    client: ModelsClient,
    use: Use,
    wanted: int,
    *,
    every: bool = False,
    say: Say = lambda text: None,
) -> Report:
    """Measure. `every`: all chat models that are here, not the active one alone.

    Raises ModelsUnavailable where the models process does not answer.
    """
    seconds = float(settings.FIRST_TOKEN_SECONDS)
    models = client.models()
    seats = client.health().get("seats")
    sequences = [n for n in _SEQUENCES if n <= max(1, seats if isinstance(seats, int) else 1)]
    say("memory")
    hardware = sizing_measure.hardware()
    say("embedder")
    passages = sizing_measure.embedding_rate(client)
    sized = []
    for model in models if every else models[:1]:
        say(model.name)
        sized.append(_sized(client, model, sequences, use, seconds, hardware.memory))
    found = sizing.bought(
        lambda speed: min(prompt(speed, 8_192), BOUGHT_TOKENS), ANSWER_TOKENS, use, 2 * seconds
    )
    bought = tuple((name, tuple(row)) for name, row in found)
    return Report(hardware, passages, tuple(sized), use, seconds, wanted, bought)


def prompt(speed: float, context: int) -> int:
    """Tokens that are read for a question by a machine that reads so many a second."""
    passages = settings.PASSAGE_TOKENS or budget(
        Speed(speed), settings.FIRST_TOKEN_SECONDS, context, settings.MAX_ANSWER_TOKENS
    )
    return passages + OVERHEAD


def sized_of(
    model: ModelInfo, weights: Weights, rates: Sequence[Rate], use: Use, seconds: float
) -> Sized:
    """From what was measured. Pure."""
    work = Work(prompt(rates[0].prompt, model.context), ANSWER_TOKENS)
    little = Work(min(work.prompt, LEAST_TOKENS + OVERHEAD), ANSWER_TOKENS)
    stations = [Station(tuple(rates), each) for each in (work, little)]
    times = [seconds, 2 * seconds, 4 * seconds]
    people, least = (
        tuple((each, use.people(station.most(each))) for each in times) for station in stations
    )
    return Sized(
        name=model.name,
        weights=weights,
        context=model.context,
        work=work,
        rates=tuple(rates),
        alone=stations[0].reads,
        people=people,
        least=least,
    )


def _sized(
    client: ModelsClient,
    model: ModelInfo,
    sequences: Sequence[int],
    use: Use,
    seconds: float,
    memory: int,
) -> Sized:
    try:
        rates = sizing_measure.rates(client, model.name, sequences)
    except ModelsUnavailable as error:
        return Sized(model.name, error.code)
    weights, cell = _about(model)
    fits = int(memory * 0.5) // cell if cell else 0
    return replace(sized_of(model, weights, rates, use, seconds), fits=fits)


def _about(model: ModelInfo) -> tuple[Weights, int]:
    """Size of the model and bytes of a token in its context; nothing where it is on another server."""
    try:
        file = Registry(Path(settings.MODELS_DIR)).get(model.name).path
        layout, header = read_layout(file), read_header(file)
    except ModelError:
        return Weights(model.name, 0.0, 0.0), 0
    size = float(file.stat().st_size)
    return Weights(model.name, float(layout.parameters), size), header.cell_bytes


def flops(model: Sized) -> float:
    """What a data sheet would say of a machine that reads like this one."""
    return (
        2 * model.weights.parameters * model.rates[0].prompt / FLOPS_SHARE if model.rates else 0.0
    )
