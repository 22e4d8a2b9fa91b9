"""What was erased, and what stores have of each other. For the doctor."""

from django.db import DatabaseError

from ingest import reconcile, replay
from ingest.models import Receipt
from sovereign.parts import Part


def erasures() -> Part:
    """Proofs that fail, and stores that differ, want a person."""
    try:
        found = Receipt.objects.filter(state=Receipt.State.FOUND).count()
        back, last = len(replay.returned()), reconcile.last()
    except (DatabaseError, OSError) as error:
        advice = "Run `manage.py migrate`, and see that the data folder can be read."
        return Part("erasures", False, type(error).__name__, advice, needed=False)
    left = last.data.get("left", 0) if last else 0
    detail = f"{found} with traces, {back} back from a backup, {left} differences between stores"
    if back:
        return Part("erasures", False, detail, "Run `manage.py erase --replay`.", needed=False)
    advice = "The page Erasures says what it is; `manage.py erase --now` proves again."
    return Part("erasures", not (found or left), detail, advice, needed=False)
