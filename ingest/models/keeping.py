"""What outlives a document: receipts of erasures, and holds against them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Receipt(models.Model):
    """What an erasure removed, for whoever asked for it. Outlives the document; holds no content."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document_id = models.UUIDField()
    collection_id = models.UUIDField()
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="receipts"
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    removed = models.JSONField(default=dict)

    def __str__(self) -> str:
        return str(self.id)


class Hold(models.Model):
    """What may not be erased until a compliance officer releases it (ingest/holds.py).

    `target_id` is no foreign key: the hold outlives what it named. `reference` is the number of a
    case, not a text.
    """

    class Target(models.TextChoices):
        DOCUMENT = "document", _("Document")
        COLLECTION = "collection", _("Collection")
        USER = "user", _("Person")
        EVERYTHING = "everything", _("Everything")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.CharField(max_length=10, choices=Target)
    target_id = models.UUIDField(null=True, blank=True)
    reference = models.CharField(_("reference"), max_length=100)
    placed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    placed_at = models.DateTimeField(default=timezone.now, editable=False)
    released_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-placed_at", "id"]
        indexes = [
            models.Index(
                fields=["target", "target_id"],
                condition=Q(released_at__isnull=True),
                name="hold_active",
            )
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.target_id or ''} {self.reference}".replace("  ", " ")
