"""Each Celery worker leaves a key with an expiry in the broker, so that others know it lives."""

import time
from typing import Any, cast

import redis
import structlog
from celery.signals import heartbeat_sent, worker_ready, worker_shutdown
from django.conf import settings

log = structlog.get_logger(__name__)

PREFIX = "sovereign.worker."
LIFETIME_SECONDS = 30
_EVERY_SECONDS = 5.0
_last = 0.0


def broker(timeout: float = 1.0) -> "redis.Redis":
    """A connection to the broker of the settings. kombu's name for a Unix socket is not redis-py's."""
    url = settings.BROKER_URL.replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def workers() -> list[str]:
    """Names of the workers that were alive in the last half minute. Raises redis.RedisError."""
    with broker() as connection:
        keys = cast("list[bytes]", list(connection.scan_iter(f"{PREFIX}*")))
    return sorted(key.decode().removeprefix(PREFIX) for key in keys)


def _name(sender: Any) -> str:
    return str(getattr(sender, "hostname", "") or getattr(sender.eventer, "hostname", "worker"))


def beat(sender: Any = None, **_: Any) -> None:
    """Refresh this worker's key, at most every five seconds."""
    global _last
    if time.monotonic() - _last < _EVERY_SECONDS:
        return
    try:
        with broker() as connection:
            connection.set(PREFIX + _name(sender), int(time.time()), ex=LIFETIME_SECONDS)
        _last = time.monotonic()
    except redis.RedisError:
        log.warning("worker.heartbeat.failed")


def leave(sender: Any = None, **_: Any) -> None:
    try:
        with broker() as connection:
            connection.delete(PREFIX + _name(sender))
    except redis.RedisError:
        log.warning("worker.heartbeat.failed")


def connect() -> None:
    """Called once by the application's configuration in every process; only workers send these."""
    worker_ready.connect(beat, dispatch_uid="sovereign.heartbeat.ready")
    heartbeat_sent.connect(beat, dispatch_uid="sovereign.heartbeat.beat")
    worker_shutdown.connect(leave, dispatch_uid="sovereign.heartbeat.leave")
