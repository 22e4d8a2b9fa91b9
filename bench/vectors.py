"""Vectors of texts, kept on disk by the digest of what was embedded: a second run costs nothing."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Vectors = np.ndarray[Any, np.dtype[np.float32]]
#: Texts of one call, kept as soon as they are there.
BATCH = 256
#: SQLite allows only so many values of one statement.
LOOKUP = 500


def digest(text: str) -> str:
    """Embedders drop white space around a text, so it does not count."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


class Cache:
    """Texts -> float16 vectors of one embedder in a file of its own."""

    def __init__(self, folder: Path, embedder: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"vectors-{embedder}.sqlite3"
        with self._open() as file:
            file.execute("CREATE TABLE IF NOT EXISTS kept (digest TEXT PRIMARY KEY, vector BLOB)")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        file = sqlite3.connect(self._path, timeout=60)
        try:
            with file:
                yield file
        finally:
            file.close()

    def known(self, texts: Sequence[str]) -> dict[str, bytes]:
        """Those of the texts that are kept: text -> float16, little endian."""
        text_of = {digest(text): text for text in texts}
        found: dict[str, bytes] = {}
        keys = list(text_of)
        with self._open() as file:
            for start in range(0, len(keys), LOOKUP):
                part = keys[start : start + LOOKUP]
                marks = ", ".join("?" * len(part))
                rows = file.execute(f"SELECT * FROM kept WHERE digest IN ({marks})", part)  # noqa: S608
                found.update((text_of[key], vector) for key, vector in rows)
        return found

    def sample(self, count: int) -> Vectors:
        """Up to `count` of the kept vectors, shape (count, dimensions)."""
        with self._open() as file:
            rows = file.execute("SELECT vector FROM kept ORDER BY digest LIMIT ?", [count])
            return _matrix([vector for (vector,) in rows])

    def keep(self, texts: Sequence[str], vectors: Vectors) -> None:
        rows = [
            (digest(text), vector.astype("<f2").tobytes())
            for text, vector in zip(texts, vectors, strict=True)
        ]
        with self._open() as file:
            file.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)

    def fill(
        self,
        texts: Sequence[str],
        embed: Callable[[Sequence[str]], Vectors],
        told: Callable[[int, int], object] = lambda _done, _total: None,
    ) -> None:
        """Embed what is not kept yet, shortest first, and keep it batch by batch."""
        known = self.known(texts)
        missing = sorted({text for text in texts if text not in known}, key=len)
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            self.keep(part, embed(part))
            told(start + len(part), len(missing))

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Of kept texts, in their order. Raises KeyError for one that is not kept."""
        known = self.known(texts)
        return _matrix([known[text] for text in texts])


def _matrix(blobs: Sequence[bytes]) -> Vectors:
    if not blobs:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(blobs), "<f2").reshape(len(blobs), -1).astype(np.float32)
