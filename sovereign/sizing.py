"""How many people a machine can serve at which time to the first word. Pure: numbers in, numbers out.

Questions come at random (Poisson). An answer reads a prompt and writes; `Rate` says what is read and
written a second, in all, while so many do it at once. That makes a queue whose speed depends on how
many are served (a birth-death chain; M/M/c where the speed grows in step). Who waits is served in
turn; who is served shares the machine with the others (processor sharing).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Beyond this share of its time a machine has nothing left for a busy minute.
MOST_BUSY = 0.8
#: Of ten people so many have their first word in time.
_SHARE = 0.9
#: Shares of the data sheet that were seen in practice: of memory, and of arithmetic while prompts are read.
BANDWIDTH_SHARE, FLOPS_SHARE = 0.6, 0.3
_FLOPS_A_PARAMETER = 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, all together, while `sequences` answers are made at once."""

    sequences: int
    prompt: float
    completion: float


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens that an answer reads and writes."""

    prompt: int
    answer: int


@dataclass(frozen=True, slots=True)
class Use:
    """What people do: questions a person asks in an hour, and how much more in the busiest one."""

    questions: float = 6.0
    peak: float = 3.0

    def rate(self, people: float) -> float:
        """Questions a second of so many people, in the busiest hour."""
        return people * self.questions * self.peak / 3_600

    def people(self, rate: float) -> int:
        return int(rate * 3_600 / (self.questions * self.peak) + 1e-9)


@dataclass(frozen=True, slots=True)
class Station:
    """A model on a machine. `rates`: by rising number of sequences, the first for one alone."""

    rates: tuple[Rate, ...]
    work: Work

    @property
    def seats(self) -> int:
        return self.rates[-1].sequences

    def answers(self, busy: int) -> float:
        """Answers a second while `busy` are made at once (between two measures: in proportion)."""
        before = self.rates[0]
        for rate in self.rates:
            if rate.sequences >= busy:
                gap = rate.sequences - before.sequences
                part = (busy - before.sequences) / gap if gap else 0.0
                low, high = self._answers(before), self._answers(rate)
                return low + part * (high - low)
            before = rate
        return self._answers(before)

    @property
    def reads(self) -> float:
        """Seconds to the first word of somebody who is alone."""
        return self.work.prompt / self.rates[0].prompt

    def waits(self, arrivals: float) -> float:
        """The share of people who find all seats taken; 1 where the queue grows without end."""
        full = self.answers(self.seats)
        if arrivals >= full:
            return 1.0
        weights = [1.0]
        for busy in range(1, self.seats + 1):
            weights.append(weights[-1] * arrivals / self.answers(busy))
        tail = weights[-1] / (1 - arrivals / full)
        return tail / (sum(weights[:-1]) + tail)

    def first_word(self, arrivals: float) -> float:
        """Seconds in which nine of ten have their first word; infinite where the queue grows."""
        full = self.answers(self.seats)
        if arrivals >= full:
            return math.inf
        late = self.waits(arrivals)
        queued = max(0.0, math.log(late / (1 - _SHARE)) / (full - arrivals)) if late > 0 else 0.0
        shared = min(1 / (1 - arrivals / full), float(self.seats))
        return queued + self.reads * shared

    def most(self, seconds: float) -> float:
        """Questions a second with the first word within `seconds`; 0 where one person waits longer."""
        low, high = 0.0, MOST_BUSY * self.answers(self.seats)
        if self.first_word(high) <= seconds:
            return high
        if self.reads > seconds:
            return 0.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.first_word(middle) <= seconds else (low, middle)
        return low

    def _answers(self, rate: Rate) -> float:
        seconds = self.work.prompt / rate.prompt + self.work.answer / rate.completion
        return 1 / seconds


@dataclass(frozen=True, slots=True)
class Machine:
    """What a data sheet says: bytes a second of memory, operations a second, bytes of memory."""

    name: str
    bandwidth: float
    flops: float
    memory: float


@dataclass(frozen=True, slots=True)
class Weights:
    """A model: its parameters and its bytes."""

    name: str
    parameters: float
    bytes: float


def estimated(machine: Machine, weights: Weights, seats: Sequence[int]) -> tuple[Rate, ...]:
    """Rates by the data sheet; () where it does not fit beside a fifth for contexts.

    Each step reads all weights once and computes for each sequence, whichever takes longer.
    """
    if weights.bytes > 0.8 * machine.memory:
        return ()
    token = _FLOPS_A_PARAMETER * weights.parameters / (FLOPS_SHARE * machine.flops)
    load = weights.bytes / (BANDWIDTH_SHARE * machine.bandwidth)
    return tuple(Rate(n, 1 / token, n / max(load, n * token)) for n in seats)


@dataclass(frozen=True, slots=True)
class Need:
    """What a machine must bring: bytes and operations a second, by its data sheet."""

    bandwidth: float
    flops: float


def needed(weights: Weights, work: Work, arrivals: float, seconds: float, writing: float) -> Need:
    """For ARRIVALS questions a second, the first word in SECONDS, WRITING tokens a second for each.

    Arithmetic: what all read and write in MOST_BUSY of the time, and one prompt within SECONDS.
    """
    tokens = arrivals * (work.prompt + work.answer) / MOST_BUSY
    tokens = max(tokens, work.prompt / seconds)
    return Need(
        weights.bytes * writing / BANDWIDTH_SHARE,
        _FLOPS_A_PARAMETER * weights.parameters * tokens / FLOPS_SHARE,
    )


#: Typical data sheets, of no maker: what a few sizes of machines bring.
MACHINES = (
    Machine("8 cores, 2 channels of DDR5", 80e9, 0.9e12, 64e9),
    Machine("32 cores, 8 channels of DDR5", 300e9, 3.5e12, 256e9),
    Machine("a card of 16 GB", 300e9, 60e12, 16e9),
    Machine("a card of 24 GB", 900e9, 150e12, 24e9),
    Machine("a card of 80 GB", 2_000e9, 400e12, 80e9),
)
#: Sizes of models in 4 to 5 bits a weight.
MODELS = (
    Weights("1.5 B", 1.5e9, 1.1e9),
    Weights("8 B", 8.0e9, 4.9e9),
    Weights("14 B", 14.8e9, 9.0e9),
    Weights("32 B", 32.5e9, 19.9e9),
    Weights("70 B", 70.6e9, 42.5e9),
)
_SEATS = (1, 2, 4, 8, 16)

Budget = Callable[[float], int]


def bought(
    budget: Budget, answer: int, use: Use, seconds: float
) -> list[tuple[str, list[int | None]]]:
    """For each of MACHINES how many people it serves with each of MODELS; None: it does not fit.

    `budget`: tokens of a prompt for a machine that reads so many a second.
    """
    found: list[tuple[str, list[int | None]]] = []
    for machine in MACHINES:
        row: list[int | None] = []
        for weights in MODELS:
            rates = estimated(machine, weights, _SEATS)
            if not rates:
                row.append(None)
                continue
            station = Station(rates, Work(budget(rates[0].prompt), answer))
            row.append(use.people(station.most(seconds)))
        found.append((machine.name, row))
    return found
