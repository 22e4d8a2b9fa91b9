"""What is embedded of a passage, and how the database keeps its vectors."""

import hashlib
from collections.abc import Sequence

import numpy as np

from inference.protocol import Vectors
from ingest.pieces import pieces

#: Passages of one call: few enough that a kill costs little and a lost lease is noticed soon.
BATCH = 32


def texts(context: str, text: str) -> tuple[str, ...]:
    """What is embedded of a passage: all of it, then its pieces, each below its context."""
    above = f"{context}\n" if context else ""
    return (above + text, *(above + text[start:end] for start, end in pieces(text)))


def digest(embedded: Sequence[str]) -> str:
    """SHA-256 of all that is embedded of a passage: the same has the same vectors."""
    return hashlib.sha256("\0".join(embedded).encode()).hexdigest()


def to_bytes(vectors: Vectors) -> bytes:
    """float16, little endian: half the space, and scores that differ in the fourth digit only."""
    return vectors.astype("<f2").tobytes()


def from_bytes(blobs: Sequence[bytes], dimension: int = 0) -> Vectors:
    """Rows of float32, those of all blobs one after the other. `dimension` 0: one row a blob."""
    rows = -1 if dimension else len(blobs)
    matrix = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(rows, dimension or -1)
    return matrix.astype(np.float32)


def normalised(vectors: Vectors) -> Vectors:
    """Unit length row by row; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return result
