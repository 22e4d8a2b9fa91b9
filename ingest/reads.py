"""The record of reading: one entry for each time that a person opens a document."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import record
from ingest.models import Document

#: Turning pages of the same document within this time is one reading.
VISIT = timedelta(minutes=10)


def record_read(user: User, document: Document) -> None:
    """Record that `user` opened the text of `document`, unless it was recorded just now.

    A document without text yet shows its name and state alone, which the list does as well.
    """
    if document.visible or document.status == Document.Status.READY:
        record_text(user, document)


def record_text(user: User, document: Document) -> None:
    """Record that `user` was shown text of `document`, also where nobody finds it yet."""
    known = Entry.objects.filter(
        actor=str(user.pk),
        action=actions.DOCUMENT_READ,
        target_id=str(document.pk),
        at__gt=timezone.now() - VISIT,
    )
    if not known.exists():
        record(actions.DOCUMENT_READ, actor=user, target=("document", document.pk))
