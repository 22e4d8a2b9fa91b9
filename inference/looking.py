"""What a look at an OpenAI-compatible server finds: is it well, which models, how full.

llama-server, vLLM and our own models process say it in different places; what one does not have is
not asked for again until it was away.
"""

import math
import re
from typing import Any

from inference.asking import Asking
from inference.protocol import ModelsUnavailable
from inference.replica import Facts

MOST_MODELS, MOST_NAME = 64, 200
_MOST_NUMBER = 10_000_000
#: Of `/metrics`: generations that run or wait there, and how many run at once.
_BUSY = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
    "sovereign_generation_queue",
)
_SEATS = "sovereign_generation_seats"
_LINE = re.compile(r"^([a-z_:]+)(?:\{[^}\n]*\})? ([0-9.eE+]+)(?: [0-9]+)?$", re.MULTILINE)


class Look:
    """Looks at one server, time and again."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._absent: set[str] = set()

    async def facts(self) -> Facts:
        """Raises ModelsUnavailable where it is not well."""
        health = await self._json("/health", health=True)
        _check_ready(health)
        listed = await self._json("/v1/models")
        props = await self._json("/props")
        models = _models(listed, _context(props))
        if not models:
            raise ModelsUnavailable("replica-empty", "The model server serves no model.")
        busy, seats = await self._fullness()
        seats = seats or _number(_dict(props).get("total_slots"))
        return Facts(models, await self._version(props), busy, seats)

    def forget(self) -> None:
        """It was away: another version may be there now."""
        self._absent.clear()

    async def _fullness(self) -> tuple[int | None, int]:
        if (text := await self._text("/metrics")) is not None:
            found = _sums(text)
            if busy := [found[name] for name in _BUSY if name in found]:
                return sum(busy), found.get(_SEATS, 0)
            self._absent.add("/metrics")
        slots = await self._json("/slots")
        if isinstance(slots, list) and slots:
            busy_slots = sum(1 for slot in slots if _dict(slot).get("is_processing") is True)
            return busy_slots, len(slots)
        return None, 0

    async def _version(self, props: Any) -> str:
        said = _dict(props).get("build_info")
        if not said:
            said = _dict(await self._json("/version")).get("version")
        return _printable(said)

    async def _json(self, path: str, *, health: bool = False) -> Any:
        if path in self._absent:
            return None
        try:
            found = await (self._asking.healthy() if health else self._asking.json(path))
        except ModelsUnavailable:
            if path in ("/health", "/v1/models"):
                raise
            found = None
        if found is None:
            self._absent.add(path)
        return found

    async def _text(self, path: str) -> str | None:
        if path in self._absent:
            return None
        try:
            found = await self._asking.text(path)
        except ModelsUnavailable:
            found = None
        if found is None:
            self._absent.add(path)
        return found


def _check_ready(health: Any) -> None:
    """Our own models process is up before its chat model is."""
    chat = _dict(_dict(health).get("chat"))
    if chat and chat.get("state") != "ready":
        raise ModelsUnavailable("replica-not-ready", "Its chat model is not loaded.")


def _models(listed: Any, context: int) -> dict[str, int]:
    data = _dict(listed).get("data")
    found: dict[str, int] = {}
    for item in (data if isinstance(data, list) else [])[:MOST_MODELS]:
        about = _dict(item)
        name = about.get("id")
        if isinstance(name, str) and 0 < len(name) <= MOST_NAME and _printable(name):
            own = _number(about.get("context")) or _number(about.get("max_model_len"))
            found[name] = own or context
    return found


def _context(props: Any) -> int:
    return _number(_dict(_dict(props).get("default_generation_settings")).get("n_ctx"))


def _sums(text: str) -> dict[str, int]:
    """Of those metrics that we know, over their labels."""
    found: dict[str, float] = {}
    for name, value in _LINE.findall(text):
        if name in _BUSY or name == _SEATS:
            found[name] = found.get(name, 0.0) + _float(value)
    return {name: int(value) for name, value in found.items()}


def _float(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) and number < _MOST_NUMBER else 0.0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _MOST_NUMBER:
        return 0
    return value


def _printable(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value[:MOST_NAME]
