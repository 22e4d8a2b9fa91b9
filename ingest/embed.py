"""Texts to vectors through the models process, and vectors to the bytes that the database keeps."""

from collections.abc import Callable, Sequence

import numpy as np

from inference.client import get_client
from inference.protocol import Vectors

#: Texts of one call: small enough that progress moves and a lost lease is noticed soon.
BATCH = 32


def to_bytes(vector: Vectors) -> bytes:
    """float16, little endian: half the space, and scores that differ in the fourth digit only."""
    return vector.astype("<f2").tobytes()


def from_bytes(blobs: Sequence[bytes]) -> Vectors:
    """Rows of float32, shape (len(blobs), dimensions). All blobs must be of one length."""
    matrix = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(len(blobs), -1)
    return matrix.astype(np.float32)


def normalised(vectors: Vectors) -> Vectors:
    """Unit length row by row; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return result


def embed_passages(texts: Sequence[str], on_batch: Callable[[int, int], None]) -> Vectors:
    """Vectors of `texts`, shape (len(texts), dimensions), unit length.

    `on_batch` is called before each batch with how many of them are done; what it raises ends the
    work. Raises inference's ModelsUnavailable.
    """
    client = get_client()
    parts: list[Vectors] = []
    for start in range(0, len(texts), BATCH):
        on_batch(start, len(texts))
        parts.append(np.asarray(client.embed_passages(texts[start : start + BATCH]), np.float32))
    return normalised(np.concatenate(parts))
