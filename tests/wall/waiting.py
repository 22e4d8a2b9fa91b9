"""Waiting for what another process does, without a sleep that is too short on a slow machine."""

import time
from collections.abc import Callable

PATIENCE = 60.0


def until(said: Callable[[], bool]) -> None:
    """Ask again and again until `said`; fails when that takes absurdly long."""
    deadline = time.monotonic() + PATIENCE
    while not said():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
