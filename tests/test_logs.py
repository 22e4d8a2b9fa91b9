"""Logs say what failed and where, and nothing of what it was about."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings
from django.test import Client

from sovereign import logs
from tests.people import CANARY


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the handler that logs.configure() makes would write."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    logs.configure({"level": "INFO", "format": request.param})
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = before
    logs.configure(settings.LOGGING)
    root.handlers[:] = before
    root.setLevel(level)


def fail(text: str) -> None:
    raise ValueError(f"cannot read {text}")


@pytest.mark.parametrize("logger", [logging.getLogger("django.request"), structlog.get_logger("x")])
def test_an_exception_leaves_its_type_and_places(
    written: io.StringIO, logger: logging.Logger
) -> None:
    try:
        fail(CANARY)
    except ValueError:
        logger.exception("answer.failed")
    text = written.getvalue()
    assert "answer.failed" in text and "ValueError" in text and "tests.test_logs:" in text
    assert CANARY not in text


def test_an_error_that_is_handed_over(written: io.StringIO) -> None:
    structlog.get_logger("x").error("answer.failed", exc_info=ValueError(CANARY))
    assert "ValueError" in written.getvalue() and CANARY not in written.getvalue()


@pytest.mark.django_db
def test_no_address_and_no_host_is_kept(written: io.StringIO, client: Client) -> None:
    """Somebody types a question after the slash; a mail program opens a one-time link twice."""
    client.get(f"/nothing/{CANARY}?q={CANARY}")
    client.get(f"/api/v1/nothing/{CANARY}")
    client.get("/", headers={"host": f"{CANARY}.example.com"})
    client.post(f"/documents/{CANARY}")
    Client(enforce_csrf_checks=True).post("/accounts/sign-in/", {"email": CANARY})
    text = written.getvalue()
    assert text.count("request.refused") >= 4 and "404" in text and "accounts/sign-in/" in text
    assert CANARY not in text


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure({"level": "INFO", "format": "json"})
    try:
        structlog.get_logger("room").info("thing.done", count=3)
        # A thread that an earlier test left may say something as well.
        said = capsys.readouterr().err.splitlines()
        line = json.loads(next(each for each in said if "thing.done" in each))
    finally:
        logs.configure(settings.LOGGING)
    assert line["event"] == "thing.done" and line["count"] == 3 and line["level"] == "info"
