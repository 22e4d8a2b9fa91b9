"""What outlives a document: receipts of erasures, what was forgotten, and holds against them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Receipt(models.Model):
    """What an erasure removed, and how that was checked. Outlives the document; holds no content.

    removing -> pending (all is gone but for the files of the vector store) -> proven | found, which is
    tried again -> proven. `removed`: nothing of it could be looked for, so nothing is claimed.
    """

    class State(models.TextChoices):
        REMOVING = "removing", _("Being removed")
        PENDING = "pending", _("Removed; proof pending")
        PROVEN = "proven", _("Proven")
        FOUND = "found", _("Traces found")
        REMOVED = "removed", _("Removed, not provable")

    class Reason(models.TextChoices):
        """Why it was erased. What a newer version replaced is not forgotten: people know its words."""

        ASKED = "asked", _("Somebody asked for it")
        COLLECTION = "collection", _("Its collection was erased")
        REPLACED = "replaced", _("A newer version replaced it")
        SOURCE = "source", _("It is gone at its source")
        REPLAYED = "replayed", _("It came back from a backup")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document_id = models.UUIDField()
    collection_id = models.UUIDField()
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="receipts"
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    removed = models.JSONField(default=dict)
    reason = models.CharField(max_length=12, choices=Reason, default=Reason.ASKED)
    state = models.CharField(max_length=10, choices=State, default=State.REMOVING, db_index=True)
    #: When pieces to look for were taken: nothing is removed before that.
    prepared_at = models.DateTimeField(null=True, blank=True)
    #: What is looked for, as keyed hashes (bytescan.Canary); empty once it is proven.
    canaries = models.JSONField(default=list)
    #: How many of each kind there were to look for.
    sought = models.JSONField(default=dict)
    #: What stays although it was asked for, with how many: answers under a legal hold.
    kept = models.JSONField(default=dict)
    #: When the files of the vector store were made anew without it.
    vectors_at = models.DateTimeField(null=True, blank=True)
    #: The looks, the newest last: when, files, bytes, what was found in which kind of place.
    checks = models.JSONField(default=list)
    proven_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at", "id"]
        indexes = [models.Index(fields=["requested_at"], name="receipt_newest")]

    def __str__(self) -> str:
        return str(self.id)


class Forgotten(models.Model):
    """That a file was erased from a collection, so that no source and no backup brings it back unnoticed.

    Keyed hashes of its bytes and of its place (ingest/forgotten.py): they tell nothing without the key.
    """

    id = models.BigAutoField(primary_key=True)
    collection_id = models.UUIDField()
    document_id = models.UUIDField()
    bytes_key = models.CharField(max_length=64)
    place_key = models.CharField(max_length=64)
    erased_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["collection_id", "bytes_key"], name="forgotten_bytes"),
            models.Index(fields=["collection_id", "place_key"], name="forgotten_place"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["document_id", "place_key"], name="forgotten_place_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.document_id)


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
