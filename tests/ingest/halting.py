"""Read by a worker of the tests (`celery worker -I tests.ingest.halting`): at the step that the file HALT_AT
names it renames that to HALTED and waits there to be killed. Once: the next worker goes on.

HALT_STEPS are those that can be named: `module.function:before` or `:after`; a function of a class, too.
"""

import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init


@worker_process_init.connect
def arm(**_: Any) -> None:
    for step in os.environ["HALT_STEPS"].split():
        _arm(step)


def _arm(step: str) -> None:
    place, _, when = step.partition(":")
    owner, name = _owner(place)
    real = getattr(owner, name)

    def halting(*given: Any, **named: Any) -> Any:
        if when == "before":
            halt(step)
        result = real(*given, **named)
        if when == "after":
            halt(step)
        return result

    setattr(owner, name, halting)


def _owner(step: str) -> tuple[Any, str]:
    *parts, name = step.split(".")
    for end in range(len(parts), 0, -1):
        try:
            owner: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            owner = getattr(owner, part)
        return owner, name
    raise LookupError(step)


def halt(step: str) -> None:
    wanted = Path(os.environ["HALT_AT"])
    try:
        if wanted.read_text() != step:
            return
        wanted.rename(os.environ["HALTED"])
    except FileNotFoundError:  # or another of the worker's processes was first
        return
    while True:
        time.sleep(60)
