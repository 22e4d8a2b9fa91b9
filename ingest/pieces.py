"""The pieces of a passage that have vectors of their own. Pure.

A question is often answered by one sentence of a passage, whose vector says what all of it is about.
Two sizes together find more than either (docs/measuring.md).
"""

import itertools
import math

from ingest.atoms import sentence_ends, units

#: Units (about words) of a piece.
PIECE_UNITS = 64
#: A passage of up to so many pieces' length is a piece itself.
SLACK = 1.3


def pieces(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of `text`, in order and together all of it, that are embedded beside the whole.

    Runs of whole sentences or lines of about equal size; none where the whole is short enough.
    """
    total = units(text)
    if total <= PIECE_UNITS * SLACK:
        return ()
    target = total / math.ceil(total / PIECE_UNITS)
    spans: list[tuple[int, int]] = []
    begin, size = 0, 0
    for start, end in _sentences(text):
        length = units(text[start:end])
        if size and size + length / 2 > target:
            spans.append((begin, start))
            begin, size = start, 0
        size += length
    return (*spans, (begin, len(text))) if spans else ()


def _sentences(text: str) -> list[tuple[int, int]]:
    bounds = [0, *(end for end in sentence_ends(text) if 0 < end < len(text)), len(text)]
    return list(itertools.pairwise(bounds))
