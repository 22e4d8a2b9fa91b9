"""Passages -> their parts, each with how near the question it is."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np

from chat.parts import Part
from chat.passages import Passage
from inference.protocol import Vectors
from ingest.embed import from_bytes
from ingest.models import Chunk
from ingest.pieces import pieces
from ingest.terms import terms


def parts(
    passages: Sequence[Passage], vector: Vectors | None, wanted: frozenset[str]
) -> list[Part]:
    """The pieces of `passages`, which are those that a person may be shown.

    `vector` is the question's, of the index that they were found in; None where words alone were
    asked. `wanted`: the question's terms.
    """
    kept = {} if vector is None else _vectors(passages)
    return [
        part
        for number, passage in enumerate(passages)
        for part in _of(number, passage, vector, kept, wanted)
    ]


def held(text: str, language: str, wanted: frozenset[str]) -> frozenset[str]:
    """The question's terms in `text`."""
    return wanted.intersection(terms(text, language or "en"))


def _vectors(passages: Sequence[Passage]) -> Mapping[UUID, bytes]:
    rows = Chunk.objects.filter(pk__in=[passage.chunk for passage in passages]).order_by()
    return {pk: bytes(blob) for pk, blob in rows.values_list("pk", "vector") if blob}


def _of(
    number: int,
    passage: Passage,
    vector: Vectors | None,
    kept: Mapping[UUID, bytes],
    wanted: frozenset[str],
) -> list[Part]:
    spans = pieces(passage.text) or ((0, len(passage.text)),)
    cosines = _cosines(kept.get(passage.chunk, b""), vector, len(spans))
    return [
        Part(
            number,
            start,
            end,
            cosine,
            passage.score,
            held(passage.text[start:end], passage.language, wanted),
        )
        for (start, end), cosine in zip(spans, cosines, strict=True)
    ]


def _cosines(blob: bytes, vector: Vectors | None, many: int) -> list[float]:
    """Of each piece; of the whole passage for all, where pieces were cut by other rules."""
    if vector is None or not blob or len(blob) % (2 * len(vector)):
        return [0.0] * many
    rows = from_bytes([blob], len(vector)) @ (vector / max(float(np.linalg.norm(vector)), 1e-12))
    if len(rows) == many + 1:
        return [float(each) for each in rows[1:]]
    return [float(rows[0])] * many
