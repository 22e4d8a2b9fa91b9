"""What collections are kept in step with, and what was found there."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from ingest.models.collections import Collection
from ingest.models.documents import Document


class SyncSource(models.Model):
    """A place that a collection is kept in step with. No secret: `credential` names a file.

    A worker that reads it holds it by `lease` and renews `lease_until` (ingest/sync_claim.py).
    """

    class Kind(models.TextChoices):
        FOLDER = "folder", _("Folder or mounted share")
        WEBDAV = "webdav", _("WebDAV")
        IMAP = "imap", _("Mailbox (IMAP)")
        S3 = "s3", _("S3 bucket")
        GIT = "git", _("Git repository")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="sync_sources"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    #: The folder of the collection in which its documents stand. Never changed.
    name = models.CharField(_("name"), max_length=80)
    settings = models.JSONField(default=dict)
    include = models.JSONField(default=list)
    exclude = models.JSONField(default=list)
    minutes = models.PositiveIntegerField(default=15)
    credential = models.CharField(max_length=100, blank=True)
    paused = models.BooleanField(default=False)
    #: What the kind wants to be told by the next run.
    state = models.JSONField(default=dict)
    next_at = models.DateTimeField(default=timezone.now, db_index=True)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=50, blank=True)
    #: Files that have gone and wait for a manager's word; `deletions_allowed`: so many may go.
    deletions_waiting = models.PositiveIntegerField(default=0)
    deletions_allowed = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "name"], name="sync_source_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class SourceItem(models.Model):
    """One file of a source as it was found last.

    `owned`: its document came by this source and goes with it. `left_out`: a person erased the
    document here; it is not taken in again until a person says so.
    """

    source = models.ForeignKey(SyncSource, on_delete=models.CASCADE, related_name="items")
    #: SHA-256 of the key: keys have no bounded length.
    digest = models.CharField(max_length=64)
    key = models.TextField()
    path = models.CharField(max_length=1_000)
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=200)
    same = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="source_items"
    )
    owned = models.BooleanField(default=False)
    left_out = models.BooleanField(default=False)
    error_code = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["path", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "digest"], name="source_item_once")
        ]
        indexes = [models.Index(fields=["source", "same"], name="source_item_same")]

    def __str__(self) -> str:
        return self.digest[:8]


class SyncRun(models.Model):
    """One run over a source: when, how many, and why it ended early. Counts only."""

    source = models.ForeignKey(SyncSource, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.source_id} {self.started_at:%Y-%m-%d %H:%M}"
