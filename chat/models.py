"""Asking: conversations, their messages, and the places that each answer points to."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, User
from chat.assistant_models import Assistant, AssistantGrant
from ingest.models import Chunk, Collection, Document

__all__ = [
    "Assistant",
    "AssistantGrant",
    "Citation",
    "Conflict",
    "Conversation",
    "Feedback",
    "Message",
    "Share",
    "Source",
]


class Conversation(models.Model):
    """One person's line of questions. Nobody else reads it, but for what she shares of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(_("title"), max_length=200, blank=True)
    collections = models.ManyToManyField(Collection, blank=True, related_name="+")
    #: What the next question is put to, unless it says otherwise.
    assistant = models.ForeignKey(
        Assistant, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    #: The last answer of the branch that is looked at, by ordinal. None: the newest.
    shown = models.PositiveIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Message(models.Model):
    """A question (role user) or an answer (role assistant).

    An answer goes queued -> running -> complete | stopped | abstained | failed. Whoever runs it
    holds `lease` and renews `lease_until`; an answer whose time has passed is failed by the sweep
    with the code `interrupted`, and can be asked again.
    """

    class Role(models.TextChoices):
        USER = "user", _("Question")
        ASSISTANT = "assistant", _("Answer")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Answering")
        COMPLETE = "complete", _("Complete")
        STOPPED = "stopped", _("Stopped")
        ABSTAINED = "abstained", _("Not in the documents")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    ordinal = models.PositiveIntegerField()
    #: Of a question: the ordinal of the answer that it goes on from (chat/branches.py), -1 for the
    #: beginning. None: the message right before it.
    after = models.IntegerField(null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role)
    status = models.CharField(max_length=10, choices=Status, default=Status.COMPLETE)
    text = models.TextField(blank=True)
    condensed = models.TextField(blank=True)
    #: Of a question: what it was narrowed to (ingest.filters.Filters.stored).
    filters = models.JSONField(default=dict, blank=True)
    #: Of a question: whether documents that it names come first. Of an answer: the ids of those that did.
    by_name = models.BooleanField(default=True)
    named = models.JSONField(default=list, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    model = models.CharField(max_length=150, blank=True)
    #: Of an answer: what it was put to, what that was called then, and Assistant.version then.
    assistant = models.ForeignKey(
        Assistant, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    assistant_name = models.CharField(max_length=Assistant.NAME_CHARS, blank=True)
    assistant_version = models.CharField(max_length=64, blank=True)
    tokens = models.JSONField(default=dict)
    ms = models.JSONField(default=dict)
    stop_requested = models.BooleanField(default=False)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["conversation_id", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "ordinal"], name="message_ordinal_once")
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="message_sweep")]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class Source(models.Model):
    """A passage that was given to the model for one answer: the [n] of its marks.

    The text is not copied: a person who loses access, or an erased document, leaves no words here.
    """

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="sources")
    n = models.PositiveIntegerField()
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    score = models.FloatField(default=0)

    class Meta:
        ordering = ["message_id", "n"]
        constraints = [models.UniqueConstraint(fields=["message", "n"], name="source_number_once")]

    def __str__(self) -> str:
        return f"[{self.n}]"


class Citation(models.Model):
    """One sentence of an answer and the words of a source that it rests on.

    `sentence_start:sentence_end` are characters of the answer, `quote_start:quote_end` characters
    of the chunk's text.
    """

    class Support(models.TextChoices):
        VERIFIED = "verified", _("Verified")
        LIKELY = "likely", _("Likely")
        NONE = "none", _("Not supported")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    source = models.ForeignKey(
        Source, null=True, on_delete=models.SET_NULL, related_name="citations"
    )
    sentence_start = models.PositiveIntegerField()
    sentence_end = models.PositiveIntegerField()
    quote_start = models.PositiveIntegerField(default=0)
    quote_end = models.PositiveIntegerField(default=0)
    support = models.CharField(max_length=10, choices=Support)

    class Meta:
        ordering = ["message_id", "sentence_start", "source_id"]

    def __str__(self) -> str:
        return f"{self.sentence_start}-{self.sentence_end} {self.support}"


class Conflict(models.Model):
    """Two sources of an answer that disagree about one of its sentences; spans as in Citation.

    `newer`: the number of the newer source, `by` what says so.
    """

    class By(models.TextChoices):
        DATED = "dated", _("by its own date")
        VERSION = "version", _("by the version in its name")
        ADDED = "added", _("by the day when it was added")

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="conflicts")
    sentence_start = models.PositiveIntegerField()
    sentence_end = models.PositiveIntegerField()
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    quote_start = models.PositiveIntegerField()
    quote_end = models.PositiveIntegerField()
    other = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    other_start = models.PositiveIntegerField()
    other_end = models.PositiveIntegerField()
    newer = models.PositiveIntegerField(null=True, blank=True)
    by = models.CharField(max_length=10, choices=By, blank=True)

    class Meta:
        ordering = ["message_id", "sentence_start", "id"]

    def __str__(self) -> str:
        return f"{self.source_id} / {self.other_id}"


class Share(models.Model):
    """One branch of a conversation, up to the answer `ordinal`, that named colleagues may look at.

    It holds no words: whoever opens it is asked anew what of its sources she may read. What was
    withdrawn stays as a row without effect, and goes with the conversation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="shares")
    ordinal = models.PositiveIntegerField()
    users = models.ManyToManyField(User, blank=True, related_name="+")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None: never.
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return str(self.id)


class Feedback(models.Model):
    """What the asker thought of an answer."""

    class Reason(models.TextChoices):
        WRONG = "wrong", _("It is wrong")
        INCOMPLETE = "incomplete", _("Something is missing")
        NOT_IN_SOURCE = "not-in-source", _("Its sources do not say that")
        WRONG_DOCUMENT = "wrong-document", _("It is from the wrong document")
        TOO_LONG = "too-long", _("It is too long")
        OTHER = "other", _("Another reason")

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="feedback")
    rating = models.SmallIntegerField(choices=[(1, _("Helpful")), (-1, _("Not helpful"))])
    reason = models.CharField(max_length=50, blank=True, choices=Reason)
    comment = models.TextField(blank=True, max_length=2_000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.rating:+d}"
