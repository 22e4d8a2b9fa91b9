"""Send work to the workers without ever hanging on a broker that is away.

What is to be done stands in the database; a message is only a nudge. A lost one costs time, never
work: the sweep (ingest/tasks.py) sends it again.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

#: The tasks of ingest/tasks.py, by name: that module is built on those that send.
PROCESS = "ingest.tasks.process"
ERASE = "ingest.tasks.erase"
ERASE_COLLECTION = "ingest.tasks.erase_collection"
REINDEX = "ingest.tasks.reindex"
PROVE = "ingest.tasks.prove"
SYNC = "ingest.tasks.sync"
MOVE = "ingest.tasks.move"
#: Of evaluation/tasks.py: a room above asks for it.
EVALUATE = "evaluation.tasks.work"

#: Of ten, 0 is first: thousands of documents let sweeps, erasures and seals of the record pass. In
#: Redis each step of these is a list of its own; other brokers may take no notice.
PRIORITY = {PROCESS: 9, EVALUATE: 9, REINDEX: 9, SYNC: 6, MOVE: 6}

#: Messages that are sent in one go; the sweep sends those that are missing.
NUDGES = 500

#: The library's default is to try for ever, inside the request.
BOUNDED = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}


class BrokerUnavailable(Exception):
    """The broker does not answer."""


@contextmanager
def _broker() -> Iterator[Any]:
    options = {**(current_app.conf.broker_transport_options or {}), **BOUNDED}
    try:
        with current_app.connection_for_write(transport_options=options) as connection:
            yield connection
    except Exception as error:  # each transport raises its own; none may lose a request
        log.warning("queue.unavailable", error=type(error).__name__)
        raise BrokerUnavailable(type(error).__name__) from error


def _send(connection: Any, task: str, *args: str, countdown: float | None = None) -> None:
    priority = PRIORITY.get(task, 0)
    current_app.send_task(
        task, args, countdown=countdown, priority=priority, connection=connection, retry=False
    )


def send(task: str, *args: str, countdown: float | None = None) -> bool:
    """Send the task of that name now. Returns False when the broker is away."""
    try:
        with _broker() as connection:
            _send(connection, task, *args, countdown=countdown)
    except BrokerUnavailable:
        return False
    return True


def send_each(task: str, keys: Iterable[str]) -> int:
    """Send one message of the task for each key, through one connection. Returns how many went."""
    sent = 0
    try:
        with _broker() as connection:
            for key in keys:
                _send(connection, task, key)
                sent += 1
    except BrokerUnavailable:
        pass
    return sent


def send_on_commit(task: str, *args: str, countdown: float | None = None) -> None:
    """Send when the current transaction has committed, or now where there is none."""

    def now() -> None:
        send(task, *args, countdown=countdown)

    transaction.on_commit(now)


def depth() -> int:
    """How many messages wait. Raises BrokerUnavailable."""
    with _broker() as connection:
        queue = current_app.amqp.queues[current_app.conf.task_default_queue]
        channel = connection.default_channel
        return int(channel.queue_declare(queue.name, passive=False).message_count)


def workers() -> bool:
    """Whether a worker answers within a second."""
    try:
        with _broker() as connection:
            return bool(current_app.control.ping(timeout=1.0, connection=connection))
    except BrokerUnavailable:
        return False
