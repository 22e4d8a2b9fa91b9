"""What administrators did with models, as long as its end is awaited and for the list of what was done."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Deed(models.Model):
    """A job of the models process that a person set off; `id` is the job's. The record has its end, too.

    `result` holds hashes, sizes and speeds; never what a model was asked or said.
    """

    class Kind(models.TextChoices):
        ADD = "add", _("Registered")
        VERIFY = "verify", _("Verified")
        TRY = "try", _("Tried")
        MEASURE = "measure", _("Measured")
        ACTIVATE = "activate", _("Activated")
        ROLLBACK = "rollback", _("Rolled back")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    model = models.CharField(max_length=80)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    error_code = models.CharField(max_length=50, blank=True)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["state", "created_at"], name="deed_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.model}"

    @property
    def over(self) -> bool:
        return self.state != self.State.RUNNING
