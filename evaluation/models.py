"""Measuring: golden questions, runs over them, and what each question came to."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from evaluation.failures import detail_of
from ingest.models import Collection, Document, Index


class QuestionSet(models.Model):
    """Questions on some collections. Administrators who may read all of these keep it.

    `closed`: one of its collections was erased. From then on it is there only for `keepers`, those who
    could see it until then: its words may come from what is gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    collections = models.ManyToManyField(Collection, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed = models.BooleanField(default=False, editable=False)
    keepers = models.ManyToManyField(User, related_name="+", editable=False)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Question(models.Model):
    """A question with what a right answer rests on. Its words are the administrator's own content.

    `evidence` is [{file, document?, page_or_section, quote}], `history` [{role, content}], `also_in`
    [file], `must_contain` [regular expression]: docs/measuring.md. `digest` is the SHA-256 of all that
    is scored, `folded` that of the question's words alone: the same words twice are refused.
    A suggestion is somebody's own question that an administrator has not accepted yet: no run asks it.
    """

    class Type(models.TextChoices):
        FACT = "fact", _("Fact")
        TABLE = "table", _("Table")
        MULTI_HOP = "multi-hop", _("Several places")
        FOLLOW_UP = "follow-up", _("Follow-up")
        UNANSWERABLE = "unanswerable", _("Not answerable")

    class State(models.TextChoices):
        SUGGESTED = "suggested", _("Suggested")
        ACCEPTED = "accepted", _("Accepted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="questions")
    key = models.CharField(_("key"), max_length=100)
    type = models.CharField(_("type"), max_length=12, choices=Type, default=Type.FACT)
    language = models.CharField(_("language"), max_length=8, default="en")
    question = models.TextField(_("question"))
    history = models.JSONField(default=list)
    answer = models.TextField(_("answer"), blank=True)
    answerable = models.BooleanField(_("answerable"), default=True)
    evidence = models.JSONField(default=list)
    also_in = models.JSONField(default=list)
    must_contain = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.ACCEPTED)
    digest = models.CharField(max_length=64, editable=False)
    folded = models.CharField(max_length=64, editable=False)
    #: Of one that was made from an answer: what its answer, turns and quotes come from.
    documents = models.ManyToManyField(Document, related_name="+", editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["key", "id"]
        constraints = [
            models.UniqueConstraint(fields=["set", "key"], name="question_key_once_a_set")
        ]
        indexes = [models.Index(fields=["set", "folded"], name="question_words")]

    def __str__(self) -> str:
        return self.key


class Run(models.Model):
    """All accepted questions of a set asked once, as the person who started it.

    queued -> running -> done | failed | stopped; running -> queued where the worker makes way for
    others or was lost. Whoever asks holds `lease` and renews `lease_until` (evaluation/claims.py).
    `attempts` counts claims since the last question that came to a result.
    """

    class Kind(models.TextChoices):
        RETRIEVAL = "retrieval", _("Finding")
        ANSWERS = "answers", _("Answering")

    class Mode(models.TextChoices):
        """What finding goes by; the others are controls of the first. Kept in `config`."""

        HYBRID = "hybrid", _("As people search: by meaning and words")
        FUSED = "fused", _("The same without a reranker")
        DENSE = "dense", _("By meaning alone")
        LEXICAL = "lexical", _("By words alone")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    label = models.CharField(_("label"), max_length=150, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    stop_requested = models.BooleanField(default=False)
    index = models.ForeignKey(Index, null=True, on_delete=models.SET_NULL, related_name="+")
    #: What made the scores: embedder, rules, model, prompt, settings (evaluation/config.py).
    config = models.JSONField(default=dict)
    started_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=50, blank=True)
    scores = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["set", "kind"],
                condition=Q(status__in=["queued", "running"]),
                name="run_of_a_kind_once_a_set",
            )
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="run_sweep")]

    def __str__(self) -> str:
        return self.label or str(self.id)

    @property
    def over(self) -> bool:
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)

    @property
    def mode_words(self) -> str:
        """Of a control: what was searched by, in the language of the interface."""
        mode = self.config.get("mode", self.Mode.HYBRID)
        return "" if mode == self.Mode.HYBRID else str(dict(self.Mode.choices)[mode])

    @property
    def reason(self) -> str:
        """Why it failed, in the language of the interface."""
        return detail_of(self.error_code) if self.error_code else ""


class Result(models.Model):
    """What one question came to in one run.

    `passages` are [{chunk, document, rank, score}], ids and no text; `documents` those that the answer
    was written from: when one of them goes, so does `answer` (evaluation/erasure.py).
    """

    class Status(models.TextChoices):
        SCORED = "scored", _("Scored")
        #: Not answerable, in a run that asks what is found: there is nothing to find.
        UNSCORED = "unscored", _("Nothing to find")
        #: Its evidence is in no document of the set's collections.
        NO_DOCUMENT = "no-document", _("Document missing")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    question = models.ForeignKey(
        Question, null=True, on_delete=models.SET_NULL, related_name="results"
    )
    ordinal = models.PositiveIntegerField()
    key = models.CharField(max_length=100)
    type = models.CharField(max_length=12, choices=Question.Type)
    language = models.CharField(max_length=8)
    #: Of the question as it was asked: a later edit makes two results incomparable.
    digest = models.CharField(max_length=64)
    status = models.CharField(max_length=12, choices=Status, default=Status.SCORED)
    error_code = models.CharField(max_length=50, blank=True)
    scores = models.JSONField(default=dict)
    ms = models.PositiveIntegerField(null=True, blank=True)
    passages = models.JSONField(default=list)
    answer = models.TextField(blank=True)
    #: How sure the answer was, 0 to 1; None where nothing weighed it.
    confidence = models.FloatField(null=True, blank=True)
    documents = models.ManyToManyField(Document, related_name="+")

    class Meta:
        ordering = ["run_id", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="result_once_a_question")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"

    @property
    def chunks(self) -> list[uuid.UUID]:
        """The ids of its passages, best first."""
        return [uuid.UUID(passage["chunk"]) for passage in self.passages]
