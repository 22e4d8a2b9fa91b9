"""Documents that went through the real pipeline, as in tests/ingest."""

from tests.ingest.conftest import add, put

__all__ = ["add", "put"]
