"""Which index is searched, and which ones documents are written into."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingest.chunk import RULES
from ingest.models import Index


def active() -> Index:
    """The index in use. The first one is made here, for the embedder of the settings.

    Ask once for each question or piece of work: what asks twice may see two.
    """
    found = Index.objects.filter(state=Index.State.ACTIVE).first()
    return found or _first()


def _first() -> Index:
    try:
        with transaction.atomic():
            return Index.objects.create(
                state=Index.State.ACTIVE,
                embedder=settings.EMBEDDER,
                chunking=RULES,
                activated_at=timezone.now(),
            )
    except IntegrityError:  # another process made it
        return Index.objects.get(state=Index.State.ACTIVE)
