"""A desk of its own for each test: real in all but the engines."""

from pathlib import Path

import pytest
from pytest_django import Settings

from inference.desk_client import fake_desk
from tests.inference.parts import SMALL


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Where the models of this test lie."""
    settings.DATA_DIR = tmp_path
    fake_desk(tmp_path / "fake-models")
    return tmp_path / "fake-models"


@pytest.fixture
def ours(folder: Path) -> Path:
    """A GGUF file that could be registered."""
    path = folder / "ours.gguf"
    path.write_bytes(SMALL)
    return path
