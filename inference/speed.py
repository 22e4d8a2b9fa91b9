"""How fast this machine reads and writes with a model: measured once, kept, corrected in use."""

import threading
import time
from pathlib import Path

from inference.generations import Timing
from inference.model import read_json, write_json
from inference.protocol import ChatMessage, Engine, Sampling, Speed, Usage

_TEXT = "The caretaker keeps a list of every key, door and lamp in the building. " * 12
_ASK = (
    ChatMessage("system", "You count and say nothing else."),
    ChatMessage("user", f"{_TEXT}\nCount in words from one to forty."),
)
WRITE = Sampling(max_tokens=16)
#: A short prompt says little about reading, a short answer little about writing.
_LEAST_READ, _LEAST_WRITTEN = 96, 12
#: Tokens a second that are so few that they are measured again at each start: once a machine is held
#: to be too slow it is asked for nothing, and learns nothing (chat/choice.py).
_DOUBTFUL = 15.0
#: Other work makes a machine look slow, nothing makes it look fast: upwards counts for more.
_UP, _DOWN = 0.6, 0.2


def measure(engine: Engine) -> Speed:
    """Read about 200 tokens and write a few."""
    started = time.monotonic()
    first, usage = 0.0, Usage()
    for piece in engine.chat(_ASK, WRITE):
        if piece.text and not first:
            first = time.monotonic() - started
        usage = piece.usage or usage
    ended = time.monotonic() - started
    return _speed(Timing(usage, first or ended, ended - first))


def _speed(timing: Timing) -> Speed:
    """The first written token comes with the reading, so it counts for neither."""
    read = timing.usage.prompt - timing.usage.cached
    return Speed(
        prompt=read / timing.first if timing.first > 0 else 0.0,
        completion=(timing.usage.completion - 1) / timing.rest if timing.rest > 0 else 0.0,
    )


def question(mark: str = "") -> tuple[ChatMessage, ...]:
    """What a model is measured by; with a MARK of its own nothing of it was read before."""
    system, user = _ASK
    return (ChatMessage("system", f"{mark} {system.content}".strip()), user)


def kept_bytes(file: Path, sha256: str, engine: str, threads: int) -> int:
    """Memory that it took when it was measured on request; 0: it never was."""
    kept = read_json(file).get(f"{sha256}:{engine}:{threads}")
    found = kept.get("bytes") if isinstance(kept, dict) else 0
    return found if isinstance(found, int) else 0


def kept_speed(file: Path, sha256: str, engine: str, threads: int) -> Speed:
    """What the book in FILE says of a model that is not loaded; zeros where it says nothing."""
    return _kept(file, f"{sha256}:{engine}:{threads}")


def _kept(file: Path, key: str) -> Speed:
    try:
        kept = read_json(file)[key]
        return Speed(float(kept["prompt"]), float(kept["completion"]))
    except (KeyError, TypeError, ValueError):
        return Speed()


class SpeedBook:
    """The speed of one model on this machine, in a file by model, engine and threads."""

    def __init__(self, file: Path, engine: Engine, threads: int) -> None:
        self._file = file
        self._key = f"{engine.info.sha256 or engine.info.name}:{engine.info.engine}:{threads}"
        self._lock = threading.Lock()
        self.speed = _kept(file, self._key)
        if self.speed.prompt < _DOUBTFUL:
            self._keep(_faster(self.speed, measure(engine)))

    def note(self, timing: Timing, memory: int) -> Speed:
        """Keep what was measured on request, whatever was known before; MEMORY bytes it took."""
        with self._lock:
            self._keep(_speed(timing), {"bytes": memory})
            return self.speed

    def learn(self, timing: Timing) -> None:
        """Move towards what a real generation took: the first measure may have had bad luck.

        One that shared the machine with others says nothing.
        """
        if not timing.alone:
            return
        seen = _speed(timing)
        enough_read = timing.usage.prompt - timing.usage.cached >= _LEAST_READ
        enough_written = timing.usage.completion >= _LEAST_WRITTEN
        with self._lock:
            self._keep(
                Speed(
                    _towards(self.speed.prompt, seen.prompt if enough_read else 0.0),
                    _towards(self.speed.completion, seen.completion if enough_written else 0.0),
                )
            )

    def _keep(self, speed: Speed, more: dict[str, int] | None = None) -> None:
        self.speed = speed
        content = read_json(self._file)
        kept = content.get(self._key)
        new = dict(kept if isinstance(kept, dict) else {}) | (more or {})
        new |= {"prompt": round(speed.prompt, 1), "completion": round(speed.completion, 1)}
        if kept != new:
            write_json(self._file, content | {self._key: new})


def _faster(one: Speed, other: Speed) -> Speed:
    return Speed(max(one.prompt, other.prompt), max(one.completion, other.completion))


def _towards(old: float, new: float) -> float:
    if not new:
        return old
    return old + (_UP if new > old else _DOWN) * (new - old)
