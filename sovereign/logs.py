"""Structured logs: a constant event with fields. Ids, hashes and counts; never content."""

import logging
import logging.config
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from audit.context import request_id

#: How many places of a traceback are kept, the innermost last.
FRAMES = 8


def _add_request_id(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if current := request_id.get():
        event.setdefault("request_id", current)
    return event


def _without_content(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of an exception keep its type and places. Its message and its locals may hold a document's
    text, a question or a password; structlog's own console traceback prints both.
    """
    exc_info = event.pop("exc_info", None)
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    error = sys.exception() if error is True else error
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["where"] = [
            f"{frame.f_globals.get('__name__')}:{line}"
            for frame, line in list(traceback.walk_tb(error.__traceback__))[-FRAMES:]
        ]
    return event


def _without_address(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Django names the address, or the host, of what it refuses: somebody's words, or a one-time link.

    Kept are the status and the route, which are ours; of lines like "Forbidden (%s): %s" nothing else.
    """
    record = event.get("_record")
    if record is None or not record.name.startswith(("django.request", "django.security")):
        return event
    status = getattr(record, "status_code", None)
    if status is None and record.name == "django.request":
        return event
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    event["event"] = "request.refused" if (status or 400) < 500 else "request.failed"
    event["status"] = status or 400
    event["route"] = match.route if match else ""
    return event


def configure(config: dict[str, str]) -> None:
    """Set up structlog and the standard library's logging alike. Called by Django (LOGGING_CONFIG)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        _without_content,
        _without_address,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if config["format"] == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config["level"])
    # These put URLs, questions or task arguments into their lines.
    for noisy in ("httpx", "httpcore", "uvicorn.access", "chromadb", "django.server", "axes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
