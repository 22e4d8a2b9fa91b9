"""What Celery's workers do besides tasks. Connected in every process, imported late: only workers pay."""

import os
import signal
import threading
import time
from typing import Any

import structlog
from celery.signals import (
    beat_embedded_init,
    heartbeat_sent,
    task_prerun,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 5.0


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


def _answer_for_proofs(sender: Any = None, **_: Any) -> None:
    """The pool's processes do the work; each says for itself how its attempts to get out end."""
    from django.conf import settings

    from wall import agent, guard

    if guard.installed():
        agent.serve(settings.RUN_DIR / "proof", "pool")


def _watch_the_clock(sender: Any = None, **_: Any) -> None:
    """The beat is a process of its own that nobody starts again: the worker ends with it, and the
    launcher starts both."""
    beat = getattr(sender.controller, "beat", None)
    if beat is None:
        return
    threading.Thread(target=_end_with, args=(beat,), name="clock", daemon=True).start()


def _end_with(process: Any) -> None:
    while process.is_alive():
        time.sleep(CLOCK_SECONDS)
    log.error("worker.clock.lost")
    os.kill(os.getpid(), signal.SIGTERM)


def _forget(**_: Any) -> None:
    """Words of erased documents do not outlive them in a worker's memory."""
    from sovereign import memories

    memories.look_now_and_then()


def connect() -> None:
    for happens, handler in (
        (worker_ready, _beat),
        (worker_ready, _watch_the_clock),
        (heartbeat_sent, _beat),
        (worker_shutdown, _leave),
        (worker_process_init, _end_with_the_worker),
        (worker_process_init, _answer_for_proofs),
        (beat_embedded_init, _end_with_the_worker),
        (task_prerun, _forget),
    ):
        happens.connect(handler, dispatch_uid=f"sovereign.{handler.__name__}")
