"""Real embedders side by side in one models process. Skipped where the weights are not fetched."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from inference import choose
from inference.client import HttpClient
from inference.embedders import Embedders
from inference.errors import ModelError
from inference.protocol import Encoder, Vectors
from inference.registry import Registry
from inference.wire import Wire
from tests.inference.parts import running

# torch and its company warn about their own insides while they are imported.
pytestmark = [
    *(pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)),
    pytest.mark.filterwarnings("ignore"),
]

DIMENSIONS = {"multilingual-e5-small": 384, "all-minilm-l6-v2": 384, "e5-small-minilm": 768}
DEFAULT, *OTHERS = DIMENSIONS
TEXTS = [
    "Every employee has 28 days of annual leave.",
    "The canteen opens at noon and closes at two.",
    "A kilometre in one's own car is paid with 30 cents.",
    "Visitors sign the book at the gate.",
]


@pytest.fixture(scope="module")
def alone() -> dict[str, Encoder]:
    """Each loaded by itself, outside the server."""
    registry = Registry(settings.MODELS_DIR)
    try:
        for name in DIMENSIONS:
            registry.verify(registry.get(name))
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    return {name: choose.load_encoder(name) for name in DIMENSIONS}


@pytest.fixture
def client(tmp_path: Path, alone: dict[str, Encoder]) -> Iterator[HttpClient]:
    url = f"unix:{tmp_path}/models.sock"
    others = Embedders(choose.load_encoder, choose.known_embedders, default=DEFAULT)
    encoder = lambda: choose.load_encoder(DEFAULT)  # noqa: E731
    with running(url, tmp_path, engine=lambda: None, encoder=encoder, others=others, load_wait=60):
        yield HttpClient(Wire(url))


def test_nobody_gets_the_vectors_of_another(client: HttpClient, alone: dict[str, Encoder]) -> None:
    """Eight callers at once, of all embedders in turn, questions and passages, whole and in parts."""
    wanted = {
        (name, kind): getattr(alone[name], f"embed_{kind}")(TEXTS)
        for name in DIMENSIONS
        for kind in ("queries", "passages")
    }
    calls = [
        (name, kind, part)
        for part in (slice(None), slice(0, 1), slice(2, 4))
        for name, kind in wanted
    ] * 4

    def call(asked: tuple[str, str, slice]) -> Vectors:
        name, kind, part = asked
        vectors: Vectors = getattr(client, f"embed_{kind}")(TEXTS[part], embedder=name)
        return vectors

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, calls))
    for (name, kind, part), vectors in zip(calls, found, strict=True):
        own = wanted[name, kind][part]
        assert vectors.shape == own.shape and vectors.shape[1] == DIMENSIONS[name]
        assert near(vectors, own) > 0.995, (name, kind, part)
        for other, its in wanted.items():
            if its.shape[1] == own.shape[1] and other[0] != name:
                assert near(vectors, its[part]) < 0.9, (name, other)
    assert {each.name: each.dimension for each in client.embedders()}.items() >= DIMENSIONS.items()


def test_the_one_of_the_settings_is_asked_by_its_name_and_without(
    client: HttpClient, alone: dict[str, Encoder]
) -> None:
    own = alone[DEFAULT].embed_queries(TEXTS)
    assert near(client.embed_queries(TEXTS), own) > 0.995
    assert near(client.embed_queries(TEXTS, embedder=DEFAULT), own) > 0.995
    other = client.embed_queries(TEXTS, embedder=OTHERS[0])
    assert near(other, own) < 0.9


def near(one: Vectors, other: Vectors) -> float:
    """The least cosine, row by row."""
    sums = np.sum(one * other, axis=1)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.min(sums / lengths))
