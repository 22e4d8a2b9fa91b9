"""A document's state in words."""

import pytest

from ingest.estimate import Wait
from ingest.models import Document
from ingest.parsers import registry
from ingest.views.states import about, state_of


def made(status: str, **fields: object) -> Document:
    return Document(status=status, media_type=registry.PDF, **fields)


@pytest.mark.parametrize(
    ("document", "wait", "name", "notes"),
    [
        (made("queued"), None, "Waiting", ()),
        (made("queued"), Wait(2, None), "Waiting", ("Position 2.",)),
        (made("queued"), Wait(2, 170), "Waiting", ("Position 2, done in about 3 minutes.",)),
        (
            made("queued", stage="embed", visible=True),
            None,
            "Waiting to be understood",
            ("Found by its words so far.",),
        ),
        (
            made("processing", stage="parse", done=3, total=40),
            Wait(0, 5),
            "Reading, page 3 of 40",
            ("Done in less than a minute.",),
        ),
        (made("processing", stage="parse"), None, "Reading", ()),
        (
            made("processing", stage="embed", done=120, total=800, reading={"lost": 2}),
            None,
            "Understanding, 120 of 800 passages",
            ("2 workers were lost over it; it is tried again.",),
        ),
        (made("ready"), None, "Ready", ()),
        (
            made("failed", error_code="damaged", error_detail="Broken."),
            None,
            "Failed",
            ("Trying the same file again will not help.",),
        ),
        (
            made("failed", error_code="worker-lost", error_detail="Lost."),
            None,
            "Failed",
            ("Trying again may help.",),
        ),
        (
            made("failed", error_code="cancelled", error_detail="Stopped it."),
            None,
            "Stopped",
            ("Stopped it.",),
        ),
    ],
)
def test_a_state_is_said(
    document: Document, wait: Wait | None, name: str, notes: tuple[str, ...]
) -> None:
    state = state_of(document, wait)
    assert (state.name, state.notes) == (name, notes)


def test_only_what_is_ready_says_so() -> None:
    """People, and whoever reads the page by a program, look for this one word."""
    for status in ("queued", "processing", "failed"):
        state = state_of(made(status, visible=True), Wait(1, 60))
        assert "ready" not in f"{state.name} {state.notes} {state.reason}".lower()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "less than a minute"),
        (60, "about 1 minute"),
        (61, "about 2 minutes"),
        (3_600, "about 1 hour"),
        (90_000, "about 25 hours"),
    ],
)
def test_a_guess_is_rounded_up(seconds: float, said: str) -> None:
    assert about(seconds) == said
