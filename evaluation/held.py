"""Legal holds on golden questions and runs: what is held is neither deleted nor written over.

A hold on a person covers her questions, accepted or not, and the runs that she started; one on
everything covers all of them.
"""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import User
from ingest import holds


def require_free(people: Iterable[UUID | None]) -> None:
    """Raise Problem 409 `on-hold` where everything is held, or what one of `people` made (None: nobody
    is known to have made it). Call it in the transaction of the change."""
    holds.require_free()
    for person in User.objects.filter(pk__in={pk for pk in people if pk is not None}):
        holds.require_free(user=person)
