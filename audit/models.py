"""Evidence: what happened, by whom, to what. Ids, hashes and counts; never content."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone


class Entry(models.Model):
    """One thing that happened. Written by audit.record.record() alone; never changed.

    Triggers of the database refuse UPDATE, DELETE and TRUNCATE (audit/triggers.py).
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    actor = models.CharField(max_length=64, blank=True, db_index=True)
    action = models.CharField(max_length=64, db_index=True)
    target_type = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"


class Seal(models.Model):
    """The place of one entry in the chain. Written by audit.seal.seal() alone; never changed.

    `digest` covers the entry, the position, the time of sealing and `previous`, the digest before
    it (audit/chain.py). Positions count from 1 without a gap.
    """

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="seal")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.position} {self.digest[:12]}"


class Cut(models.Model):
    """A signed statement that the entries up to `position` were removed (audit/cut.py).

    `announced` is the id of the entry that says the same inside the chain. No foreign key: a later
    cut may remove that entry, and the statement stays.
    """

    position = models.BigIntegerField(primary_key=True)
    digest = models.CharField(max_length=64)
    entries = models.BigIntegerField()
    at = models.DateTimeField()
    announced = models.BigIntegerField()
    signature = models.CharField(max_length=128)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"up to {self.position}"
