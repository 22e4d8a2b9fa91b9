"""What the legs of a search found of one passage. Pure."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the legs found. A leg that did not find it has None.

    `dense` is the cosine of the whole passage's vector, `piece` that of the nearest of its vectors;
    `coverage` (0 to 1) comes with `lexical`.
    """

    chunk: UUID
    document: UUID
    dense: float | None = None
    piece: float | None = None
    lexical: float | None = None
    coverage: float | None = None
