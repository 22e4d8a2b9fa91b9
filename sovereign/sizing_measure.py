"""Measures this machine for `manage.py doctor --sizing`; the models through the running process."""

import os
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from inference.cpu import cpu_count, quota
from inference.plan import free_memory
from inference.protocol import ModelsClient, ModelsUnavailable, Sampling, Usage
from inference.speed import question
from sovereign.sizing import Rate

_WRITTEN = 24
_EMBEDDED, _EMBED_TEXT = (
    16,
    "The caretaker keeps a list of every key, door and lamp in the house. " * 16,
)
#: A model is measured for about so long.
ENOUGH_SECONDS = 120.0
_COPIED = 64_000_000
_TIMES = 4


@dataclass(frozen=True, slots=True)
class Hardware:
    """`cores`: that this process may use. `quota`: of the control group; None: none. Bytes."""

    cores: int
    affinity: int
    quota: float | None
    memory: int
    disk: int
    bandwidth: float
    #: Of all programs, for each core, in the last minute: above 1 what is measured is too little.
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class _Timed:
    usage: Usage
    first: float
    end: float


def hardware() -> Hardware:
    cores = cpu_count()
    disk = min(_free(Path(settings.DATA_DIR)), _free(Path(settings.MODELS_DIR)))
    affinity = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0] / cores
    return Hardware(cores, affinity, quota(), free_memory(), disk, bandwidth(cores), load)


def bandwidth(threads: int) -> float:
    """Bytes a second that all cores together read and write: the best of a few copies."""
    parts = [(np.ones(_COPIED // 8), np.ones(_COPIED // 8)) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_TIMES):
            started = time.monotonic()
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))
            best = max(best, 2.0 * _COPIED * threads / (time.monotonic() - started))
    return best


def rates(client: ModelsClient, model: str, sequences: Sequence[int]) -> tuple[Rate, ...]:
    """What the models process reads and writes with MODEL. Raises ModelsUnavailable.

    A first question is not counted: the model may have to be loaded for it. Where the machine is slow,
    or much goes on, fewer at once are measured.
    """
    _ask(client, model, f"warm {time.monotonic()}")
    found: list[Rate] = []
    started = time.monotonic()
    for count in sequences:
        # So many take at least about twice as long as half of them took.
        if found and 3 * (time.monotonic() - started) > ENOUGH_SECONDS:
            break
        found.append(_rate(client, model, count))
    return tuple(found)


def embedding_rate(client: ModelsClient) -> float:
    """Passages of about 250 tokens a second. Raises ModelsUnavailable."""
    texts = [f"{number}. {_EMBED_TEXT}" for number in range(_EMBEDDED)]
    client.embed_passages(texts[:1])
    started = time.monotonic()
    client.embed_passages(texts)
    return len(texts) / (time.monotonic() - started)


def _rate(client: ModelsClient, model: str, count: int) -> Rate:
    started, timed = time.monotonic(), list[_Timed]()
    errors: list[ModelsUnavailable] = []

    def one(number: int) -> None:
        try:
            timed.append(_ask(client, model, f"{count}.{number}.{started}"))
        except ModelsUnavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return of_times(count, started, timed)


def of_times(count: int, started: float, timed: Sequence[_Timed]) -> Rate:
    """All are read until the last has its first word, and written from the first one's on."""
    read = sum(each.usage.prompt - each.usage.cached for each in timed)
    written = sum(max(0, each.usage.completion - 1) for each in timed)
    reading = max(each.first for each in timed) - started
    end = max(each.end for each in timed)
    # While some are read others are written already: the whole time less what reading alone takes.
    alone = min(each.first for each in timed) - started
    writing = max(end - max(each.first for each in timed), (end - started - alone) / 2, 1e-6)
    return Rate(count, max(read, 1) / max(reading, 1e-6), max(written, 1) / writing)


def _ask(client: ModelsClient, model: str, mark: str) -> _Timed:
    first, usage = 0.0, Usage()
    messages = question(mark)
    for piece in client.chat(messages, Sampling(max_tokens=_WRITTEN), model=model, asker=mark):
        if piece.text and not first:
            first = time.monotonic()
        usage = piece.usage or usage
    end = time.monotonic()
    return _Timed(usage, first or end, end)


def _free(folder: Path) -> int:
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(nearest).free
