"""Collections on their way out, as an archive, or in."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from ingest.models.collections import Collection
from ingest.reasons import known, sentence


class Transfer(models.Model):
    """An export or an import of one collection. Its file lies under its id, encrypted as originals are.

    queued -> running -> done | failed; import: running -> asking (documents that were erased here) ->
    queued. A finished export ends (`ended`) with its time, or when a document of it is erased.
    `collection`: what is exported, or what is being made: nobody has a right on that before it is whole.
    """

    class Kind(models.TextChoices):
        EXPORT = "export", _("Export")
        IMPORT = "import", _("Import")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        ASKING = "asking", _("Waiting for you")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        ENDED = "ended", _("Ended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, db_index=True)
    collection = models.ForeignKey(
        Collection, null=True, on_delete=models.SET_NULL, related_name="transfers"
    )
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    began_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Documents.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    #: Of an import: documents that were erased here, and how many of these were confirmed; None: not yet.
    erased = models.PositiveIntegerField(default=0)
    confirmed = models.PositiveIntegerField(null=True, blank=True)
    #: Whose signature it bears: a fingerprint.
    signed_by = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "created_by"],
                condition=Q(kind="export", status__in=["queued", "running"]),
                name="export_once_a_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"

    @property
    def reason(self) -> str:
        """Why it failed or ended, in the language of the interface."""
        return sentence(self.error_code) if known(self.error_code) else self.error_code
