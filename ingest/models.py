"""What: collections of documents, who may use them, and the chunks that are searched."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, User
from ingest.notices import shown
from ingest.reasons import reason


class Collection(models.Model):
    """A set of documents that is granted as a whole."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    description = models.TextField(_("description"), blank=True, max_length=2_000)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="created_collections"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erasing = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """One role on one collection for one principal: a user, a group, or everyone."""

    class Role(models.TextChoices):
        READER = "reader", _("Reader")
        EDITOR = "editor", _("Editor")
        MANAGER = "manager", _("Manager")

    #: From weaker to stronger: a role can do what those before it can.
    ORDER: ClassVar[list[str]] = ["reader", "editor", "manager"]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    everyone = models.BooleanField(default=False)
    role = models.CharField(max_length=10, choices=Role, default=Role.READER)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, group__isnull=True, everyone=False)
                    | Q(user__isnull=True, group__isnull=False, everyone=False)
                    | Q(user__isnull=True, group__isnull=True, everyone=True)
                ),
                name="grant_has_one_principal",
            ),
            models.UniqueConstraint(fields=["collection", "user"], name="grant_user_once"),
            models.UniqueConstraint(fields=["collection", "group"], name="grant_group_once"),
            models.UniqueConstraint(
                fields=["collection"], condition=Q(everyone=True), name="grant_everyone_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.role}"

    @property
    def principal(self) -> str:
        """`user:ID`, `group:ID` or `everyone`, as the API writes it."""
        if self.everyone:
            return "everyone"
        return f"user:{self.user_id}" if self.user_id else f"group:{self.group_id}"


def original_path(document: "Document", _name: str) -> str:
    """Where the original bytes lie. Built from the id alone: a file's own name is never a path."""
    return f"originals/{document.id.hex[:2]}/{document.id.hex}"


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


class Chunk(models.Model):
    """A passage that is found and cited as a whole.

    `text` is what is shown and quoted; `context` (title > headings) is embedded and indexed with
    it. `start` and `end` are character offsets into the document's parsed text. `vector` is
    float16, little endian, normalised, made by `embedder`: the vector store can be rebuilt from it.
    None: its document is found by words alone so far. `confidence`: the least of its recognised
    blocks (0 to 1); None where the file itself says the words.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    context = models.CharField(max_length=1_000, blank=True)
    heading_path = models.JSONField(default=list)
    page = models.PositiveIntegerField(null=True, blank=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    boxes = models.JSONField(default=list)
    language = models.CharField(max_length=8, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    vector = models.BinaryField(null=True)
    embedder = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["document_id", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["document", "ordinal"], name="chunk_ordinal_once")
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


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
