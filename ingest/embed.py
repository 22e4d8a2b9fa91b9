"""Vectors as the database keeps them, and of which length and how many at a time."""

from collections.abc import Sequence

import numpy as np

from inference.protocol import Vectors

#: Passages of one call: few enough that a kill costs little and a lost lease is noticed soon.
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
