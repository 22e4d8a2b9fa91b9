"""Each Celery worker leaves a key with an expiry in the broker, so that others know it lives."""

import os
import time
from pathlib import Path
from typing import cast

import redis
import structlog
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


def lives_here(prefix: str) -> bool:
    """True when a worker whose name starts with `prefix` lives on this machine.

    Its key alone does not say so: it outlasts a killed worker by half a minute. Its value is the
    worker's process id. Raises redis.RedisError.
    """
    with broker(timeout=0.5) as connection:
        ids = [connection.get(key) for key in connection.scan_iter(f"{PREFIX}{prefix}*")]
    return any(Path(f"/proc/{int(each)}").exists() for each in ids if each)


def beat(name: str) -> None:
    """Refresh this worker's key, at most every five seconds."""
    global _last
    if time.monotonic() - _last < _EVERY_SECONDS:
        return
    try:
        with broker() as connection:
            connection.set(PREFIX + name, os.getpid(), ex=LIFETIME_SECONDS)
        _last = time.monotonic()
    except redis.RedisError:
        log.warning("worker.heartbeat.failed")


def leave(name: str) -> None:
    try:
        with broker() as connection:
            connection.delete(PREFIX + name)
    except redis.RedisError:
        log.warning("worker.heartbeat.failed")
