"""Vectors of the measurements are made once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.vectors import Cache, Vectors


class Embedder:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_only_what_is_missing_is_embedded_shortest_first(tmp_path: Path) -> None:
    embed = Embedder()
    cache = Cache(tmp_path, "e")
    cache.fill(["bbb", "a"], embed)
    Cache(tmp_path, "e").fill(["bbb", "cc", "a", "cc"], embed)
    assert embed.seen == ["a", "bbb", "cc"]
    assert cache.vectors(["cc", "a", "cc"]).tolist() == [[2.0, 1.0], [1.0, 1.0], [2.0, 1.0]]


def test_each_embedder_has_vectors_of_its_own(tmp_path: Path) -> None:
    Cache(tmp_path, "one").fill(["a"], Embedder())
    assert Cache(tmp_path, "other").known(["a"]) == {}
