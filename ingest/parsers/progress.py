"""How far a parse is. A parser calls report(); who listens is set by the process that runs it."""

from collections.abc import Callable

_listener: Callable[[int, int], None] | None = None


def listen(listener: Callable[[int, int], None] | None) -> None:
    """Send later reports to `listener` (None: to nobody)."""
    global _listener
    _listener = listener


def report(done: int, total: int) -> None:
    """Say that `done` of `total` parts (pages, members) are read."""
    if _listener is not None and total > 0:
        _listener(min(done, total), total)
