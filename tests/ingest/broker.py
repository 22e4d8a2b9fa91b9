"""The broker of the tests, in memory: what waits there."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from celery import current_app


def delivered() -> list[tuple[str, str]]:
    """Task and key of each message that waits, which does not wait any more."""
    found = []
    with current_app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(current_app.amqp.queues["celery"])  # type: ignore[arg-type]
        with suppress(waiting.Empty):
            while message := waiting.get(block=False):
                found.append((message.headers["task"], (message.payload[0] or [""])[0]))
                message.ack()
    return found


@pytest.fixture
def broker() -> Iterator[None]:
    """No message waits before, and none after."""
    delivered()
    yield
    delivered()
