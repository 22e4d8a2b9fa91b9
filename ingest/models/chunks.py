"""Indexes, and the passages that are searched in them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from ingest.models.documents import Document


class Index(models.Model):
    """One whole set of passages: cut by one version of the rules, embedded by one model.

    building -> active -> retired -> gone; building -> retired where it was given up. One is active:
    it is what is searched. Another is built beside it by background jobs (ingest/reindex.py), and the
    switch is one transaction. A retired one serves the answers that began before the switch, then goes;
    passages of it that an answer cites stay as long as that answer.
    """

    class State(models.TextChoices):
        BUILDING = "building", _("Being built")
        ACTIVE = "active", _("In use")
        RETIRED = "retired", _("Replaced")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.BUILDING)
    #: The model's name; what the models process is asked for with every question and passage.
    embedder = models.CharField(max_length=200)
    #: Which rules cut the documents: ingest/chunk.RULES at that time.
    chunking = models.CharField(max_length=50)
    #: Numbers of one vector; 0 until the first is made.
    dimension = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Whether it is put to use as soon as it is built, or when an administrator says so.
    switch_when_built = models.BooleanField(default=True)
    built_at = models.DateTimeField(null=True, blank=True, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: A worker that builds or erases it holds it by `lease`, as a document (ingest/claims.py).
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="index_active_once"
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="building"), name="index_building_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.embedder} {self.chunking} {self.state}"


class IndexedDocument(models.Model):
    """All passages of a document are in an index that is not in use (yet): words and vectors.

    Of the index in use Document.ready_at and Document.chunk_count say the same.
    """

    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="documents")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="indexed")
    chunk_count = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["index", "document"], name="document_once_an_index")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} in {self.index_id}"


class Chunk(models.Model):
    """A passage that is found and cited as a whole.

    `text` is what is shown and quoted; `context` (title > headings) is embedded and indexed with
    it. `start` and `end` are character offsets into the document's parsed text. `vector` is
    float16, little endian, normalised, made by the index's embedder: that of the whole passage, then
    those of its pieces (ingest/pieces.py), one after the other. The vector store can be rebuilt from it.
    None: its document is found by words alone so far. `digest`: SHA-256 of what is embedded
    (embed.digest), so that the same text is embedded once. `confidence`: the least of its recognised
    blocks (0 to 1); None where the file itself says the words.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="chunks")
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
    digest = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        ordering = ["document_id", "ordinal"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "index", "ordinal"], name="chunk_ordinal_once_an_index"
            )
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"
