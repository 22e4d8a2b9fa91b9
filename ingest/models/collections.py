"""Collections of documents, and who may use them."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, User
from accounts.principals import ONE_PRINCIPAL, principal_of


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
                condition=ONE_PRINCIPAL,
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
        return principal_of(self.user_id, self.group_id, everyone=self.everyone)
