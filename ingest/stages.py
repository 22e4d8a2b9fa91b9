"""The steps of a document's way: which one it is in, and how long each took."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from ingest.claims import Claim
from ingest.models import Document


@contextmanager
def stage(claim: Claim, document: Document, name: str, total: int = 0) -> Iterator[None]:
    """Show stage `name`, with nothing of `total` done, and add its seconds to `document.reading`.

    They are written with the next stage, so those of one that is cut short are lost. Raises LeaseLost.
    """
    claim.renew(stage=name, progress=0, done=0, total=total, reading=document.reading)
    began = monotonic()
    try:
        yield
    finally:
        seconds = document.reading.setdefault("seconds", {})
        seconds[name] = round(seconds.get(name, 0) + monotonic() - began, 3)
