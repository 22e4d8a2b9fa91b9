"""Documents that went through the real pipeline, as in tests/ingest."""

import pytest

from tests.ingest.conftest import add, put

__all__ = ["add", "put"]


@pytest.fixture(autouse=True)
def _read_once(read_once: None) -> None:
    """Reading is not what these tests are about."""
