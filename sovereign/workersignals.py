"""What Celery's workers do besides tasks. Connected in every process, imported late: only workers pay."""

from typing import Any

from celery.signals import (
    beat_embedded_init,
    heartbeat_sent,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)


def _beat(sender: Any = None, **_: Any) -> None:
    from sovereign import heartbeat

    heartbeat.beat(str(getattr(sender, "hostname", "") or sender.eventer.hostname))


def _leave(sender: Any = None, **_: Any) -> None:
    from sovereign import heartbeat

    heartbeat.leave(str(sender.hostname))


def _end_with_the_worker(**_: Any) -> None:
    """For the pool's processes and the beat: killing the worker must not leave them behind."""
    from sovereign import lifeline

    lifeline.die_with_parent()


def connect() -> None:
    for signal, handler in (
        (worker_ready, _beat),
        (heartbeat_sent, _beat),
        (worker_shutdown, _leave),
        (worker_process_init, _end_with_the_worker),
        (beat_embedded_init, _end_with_the_worker),
    ):
        signal.connect(handler, dispatch_uid=f"sovereign.{handler.__name__}")
