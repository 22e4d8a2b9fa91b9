"""Assistants: what a question may be put to instead of the bare product, and who may use them."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, User
from accounts.principals import ONE_PRINCIPAL, principal_of
from ingest.models import Collection


class Assistant(models.Model):
    """A way of answering that somebody set up: how it writes, by which model, from which collections.

    It gives nobody a right to a document. Whoever is its owner does all with it; others by grants.
    """

    NAME_CHARS: ClassVar[int] = 100

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True)
    #: None: she has gone. What nobody else uses goes with her.
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="assistants")
    #: Empty: the one that answers everybody.
    model = models.CharField(_("model"), max_length=150, blank=True)
    instructions = models.TextField(_("instructions"), blank=True)
    #: Whether it searches all that its asker may read; else `collections`.
    everywhere = models.BooleanField(default=False)
    collections = models.ManyToManyField(Collection, blank=True, related_name="+")
    temperature = models.FloatField(default=0.0)
    #: 0: as everybody's.
    answer_tokens = models.PositiveIntegerField(default=0)
    #: Questions that its page offers.
    starters = models.JSONField(default=list, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> str:
        """SHA-256 (hex) of all that makes its answers."""
        named = None if self.everywhere else [each.pk for each in self.collections.all()]
        return version_of(
            named, self.model, self.instructions, self.temperature, self.answer_tokens
        )


def version_of(collections: Iterable[uuid.UUID] | None, *made: str | float) -> str:
    """SHA-256 (hex) of what makes answers: where it looks (None: everywhere), and the rest in order."""
    where = None if collections is None else sorted(str(pk) for pk in collections)
    return hashlib.sha256(json.dumps([where, *made]).encode()).hexdigest()


class AssistantGrant(models.Model):
    """One role on one assistant for one principal: a user, a group, or everyone."""

    class Role(models.TextChoices):
        USER = "user", _("Use it")
        EDITOR = "editor", _("Use and change it")

    #: From weaker to stronger.
    ORDER: ClassVar[list[str]] = ["user", "editor"]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    everyone = models.BooleanField(default=False)
    role = models.CharField(max_length=10, choices=Role, default=Role.USER)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=ONE_PRINCIPAL,
                name="assistant_grant_has_one_principal",
            ),
            models.UniqueConstraint(fields=["assistant", "user"], name="assistant_user_once"),
            models.UniqueConstraint(fields=["assistant", "group"], name="assistant_group_once"),
            models.UniqueConstraint(
                fields=["assistant"], condition=Q(everyone=True), name="assistant_everyone_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.role}"

    @property
    def principal(self) -> str:
        """`user:ID`, `group:ID` or `everyone`, as the API writes it."""
        return principal_of(self.user_id, self.group_id, everyone=self.everyone)
