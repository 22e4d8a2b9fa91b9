"""Documents, and what was read of them."""

import uuid
from collections.abc import Mapping
from datetime import date

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from ingest.models.collections import Collection
from ingest.notices import shown
from ingest.reasons import reason


def original_path(document: "Document", _name: str) -> str:
    """Where the original bytes lie. Built from the id alone: a file's own name is never a path."""
    return f"originals/{document.id.hex[:2]}/{document.id.hex}"


def said_day(metadata: Mapping[str, str]) -> date | None:
    """The day that a file says of itself."""
    said = (metadata.get(key, "")[:10] for key in ("sent", "modified", "created"))
    return next((day for day in map(_day, said) if day), None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class Document(models.Model):
    """One file of a collection.

    queued -> processing -> ready | failed; failed -> queued (retry); any -> erasing -> gone.
    A worker holds a processing document by `lease` (a random id) and renews `lease_until`;
    the sweep queues it again when that time has passed (ingest/pipeline.py).
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        PROCESSING = "processing", _("Processing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        ERASING = "erasing", _("Erasing")

    class Stage(models.TextChoices):
        """What is being done, or, while it waits, what comes next ("": from the start)."""

        NONE = "", ""
        CONVERT = "convert", _("Converting")
        UNPACK = "unpack", _("Unpacking")
        PARSE = "parse", _("Reading")
        OCR = "ocr", _("Recognising text")
        CHUNK = "chunk", _("Cutting into passages")
        WORDS = "words", _("Indexing its words")
        EMBED = "embed", _("Understanding")
        PROBE = "probe", _("Checking")

    class Lane(models.TextChoices):
        """Slow work (recognition, thousands of passages) never takes all workers: ingest/fair.py."""

        QUICK = "quick", _("Quick")
        SLOW = "slow", _("Slow")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(_("name"), max_length=255)
    path = models.CharField(_("folder path"), max_length=1_000, blank=True)
    file = models.FileField(upload_to=original_path, max_length=200)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, db_index=True)
    media_type = models.CharField(max_length=150, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED, db_index=True)
    stage = models.CharField(max_length=10, choices=Stage, blank=True, default=Stage.NONE)
    progress = models.FloatField(default=0)
    #: Of the stage: `done` of `total` pages, passages or files. 0 of 0: it cannot be counted.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    #: Whether its passages may be found: by their words at first, then by their meaning, too.
    visible = models.BooleanField(default=False)
    #: When the words were indexed; `ready_at`: when the vectors were.
    words_at = models.DateTimeField(null=True, blank=True, editable=False)
    lane = models.CharField(max_length=10, choices=Lane, default=Lane.QUICK)
    #: Its place in the queue, which is fair between people and collections (ingest/fair.py).
    turn = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list)
    title = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=8, blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    #: What a reader calls the pages, where that is not their number (parsers/base.ParsedDocument).
    page_labels = models.JSONField(default=list)
    #: What the file says of itself; keys: parsers/base.METADATA.
    metadata = models.JSONField(default=dict)
    #: The day that the file says of itself (sent, modified, created), or that of its upload.
    dated = models.DateField(null=True, blank=True, db_index=True)
    #: How it was read: seconds by stage, pages without text, pages recognised and how surely.
    reading = models.JSONField(default=dict)
    #: The archive that it was unpacked from.
    container = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="members"
    )
    chunk_count = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    uploaded_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="uploads"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ready_at = models.DateTimeField(null=True, blank=True)
    #: When retention took the original away; the passages stay (compliance/retention.py).
    original_removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: From here on a hold comes too late: parts are gone (ingest/erase.py).
    erasure_began_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "sha256"],
                condition=~Q(status="erasing"),
                name="document_bytes_once_a_collection",
            )
        ]
        indexes = [
            models.Index(fields=["status", "lease_until"], name="document_sweep"),
            models.Index(fields=["status", "lane", "turn"], name="document_queue"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reason(self) -> str:
        """Why it failed, in the language of the interface."""
        return reason(self.error_code, self.error_detail)

    @property
    def own_day(self) -> date | None:
        """`dated` where the file says it; None where it is that of the upload."""
        return said_day(self.metadata)

    @property
    def notices(self) -> list[dict[str, str]]:
        """Code and sentence of each warning, in the language of the interface."""
        return shown(self.warnings)


class Extract(models.Model):
    """What was read of a document: its blocks as parsers/wire.py packs them, compressed (zlib).

    Work goes on from here after an interruption, and its page shows it. Goes with its document.
    """

    document = models.OneToOneField(
        Document, primary_key=True, on_delete=models.CASCADE, related_name="extract"
    )
    data = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return str(self.document_id)
