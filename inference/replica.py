"""What is known of one OpenAI-compatible server, and whether it may be asked now. Pure: no call is made.

A replica is away when a look at it fails, when it refuses a connection, or when answers fail there
several times in a row. It is looked at again after a pause that doubles, and then gets one answer at
a time until one has ended well.
"""

import math
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from inference.protocol import ModelsUnavailable

#: Answers in a row that may fail before a server whose looks succeed is left alone.
FAULTS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
LOOK_SECONDS = 10.0
#: How much the newest answer says of how soon the first token comes.
_NEWEST = 0.3
_MOST_REST = 60.0
#: Of these one is enough: every other answer would end the same way.
_AT_ONCE = frozenset({"models-down", "replica-key", "replica-redirects"})
BUSY = "replica-busy"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look found. `models`: the tokens that each holds at once, 0 where it does not say.

    `busy`: generations that it says wait or run there, None where it tells none; `seats`: how many
    it runs at once, 0 where it does not say.
    """

    models: dict[str, int]
    version: str = ""
    busy: int | None = None
    seats: int = 0


@dataclass(eq=False, slots=True)
class Replica:
    """One server. `now` is a monotonic clock in all calls."""

    url: str
    key: str = field(default="", repr=False)
    seats: int = 4
    facts: Facts = field(default_factory=lambda: Facts({}))
    up: bool = False
    #: Why it is away, or was last.
    code: str = "replica-unasked"
    misses: int = 0
    faults: int = 0
    in_flight: int = 0
    #: Generations there that are not ours, at the last look.
    others: int = 0
    rest_until: float = -math.inf
    looked: float = -math.inf
    asked: float = -math.inf
    ended: dict[str, int] = field(default_factory=dict)
    #: What went wrong last, and when; "": nothing did.
    last: str = ""
    last_at: float = -math.inf
    #: That the last look took that succeeded, and that pass until the first token; 0: not known.
    look_seconds: float = 0.0
    first_seconds: float = 0.0

    @property
    def name(self) -> str:
        """Host and port: what metrics and pages call it."""
        return urlsplit(self.url).netloc

    def serves(self, model: str) -> bool:
        return not model or model in self.facts.models

    def usable(self, now: float) -> bool:
        if not self.up or now < self.rest_until:
            return False
        return self.faults < FAULTS or self.in_flight == 0

    def load(self) -> tuple[float, float]:
        """The less, the better: how full it is, then who was asked longest ago."""
        return (self.in_flight + self.others + self.faults) / self.seats, self.asked

    def looked_well(self, now: float, facts: Facts) -> None:
        self.facts, self.looked, self.up, self.misses = facts, now, True, 0
        self.seats = facts.seats or self.seats
        if facts.busy is not None:
            self.others = max(0, facts.busy - self.in_flight)
        if self.code == "models-down":
            self.faults = 0
        if not self.faults:
            self.code = ""

    def looked_in_vain(self, now: float, code: str) -> None:
        self.looked, self.up, self.code = now, False, code
        self.last, self.last_at = code, now
        self.misses += 1

    def begun(self, now: float) -> None:
        self.in_flight += 1
        self.asked = now

    def over(self, end: str) -> None:
        """`end`: "done", "cancelled" or the code of what went wrong."""
        self.in_flight -= 1
        self.ended[end] = self.ended.get(end, 0) + 1

    def spoke(self, seconds: float) -> None:
        """The first token of an answer came after so long."""
        old = self.first_seconds
        self.first_seconds = old + _NEWEST * (seconds - old) if old else seconds

    def answered(self) -> None:
        self.faults, self.code = 0, ""

    def failed(self, now: float, error: ModelsUnavailable) -> None:
        """An answer did not come, for a reason that lies there and not in what was asked."""
        self.code = self.last = error.code
        self.last_at = now
        if error.code == BUSY:
            rest = getattr(error, "retry_after", None) or _FIRST_PAUSE
            self.rest_until = now + min(max(rest, _FIRST_PAUSE), _MOST_REST)
            return
        self.faults = max(self.faults + 1, FAULTS if error.code in _AT_ONCE else 0)
        if self.faults >= FAULTS:
            self.up = False
            self.rest_until = now + _doubled(self.faults - FAULTS + 1)

    def due(self) -> float:
        """When it is to be looked at again."""
        if self.up and not self.misses:
            return self.looked + LOOK_SECONDS
        return max(self.looked + _doubled(self.misses), self.rest_until)

    def describe(self, now: float) -> dict[str, object]:
        """As `/health` tells it."""
        return {
            "name": self.name,
            "state": self._state(now),
            "code": "" if self.usable(now) else self.code,
            "models": dict(self.facts.models),
            "version": self.facts.version,
            "running": self.in_flight,
            "others": self.others,
            "seats": self.seats,
            "answers": dict(self.ended),
            "error": self.last,
            "error_ago": round(now - self.last_at) if self.last else None,
            "look_seconds": round(self.look_seconds, 3),
            "first_seconds": round(self.first_seconds, 3),
        }

    def _state(self, now: float) -> str:
        if self.usable(now):
            return "ready"
        return "busy" if self.up and self.code == BUSY else "away"


def _doubled(times: int) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(max(times - 1, 0), 10))
