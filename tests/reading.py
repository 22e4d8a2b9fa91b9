"""Documents that many tests put in are read once: a reader's process costs 0.15 seconds of CPU each time.

What comes back is what the real reader said of the same bytes. Tests of reading itself, of its
progress, its end and its failures (tests/parsing, tests/ingest) start a reader of their own.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.parsers.base import Limits, ParsedDocument
from ingest.parsers.sandbox import parse_isolated

#: By (SHA-256, kind, limits).
READ: dict[Hashable, ParsedDocument] = {}


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file is not read again in this run; a file that fails is, each time."""

    def parse(source: Path | int, media_type: str, limits: Limits, **how: Any) -> ParsedDocument:
        data = Path(f"/proc/self/fd/{source}" if isinstance(source, int) else source).read_bytes()
        key = (hashlib.sha256(data).digest(), media_type, limits)
        if key not in READ:
            READ[key] = parse_isolated(source, media_type, limits, **how)
        return replace(READ[key], metadata=dict(READ[key].metadata))

    monkeypatch.setattr("ingest.pipeline.parse_isolated", parse)
