"""What answers took. No words of questions or answers stand here, so a row outlives its conversation."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Measured(models.Model):
    """Tokens, seconds, energy: of one answer, or of many together (usage/figures.py).

    `prompt` counts what was read with what was `cached` of it; `look` are the tokens, read and written,
    of looks that decide whether to answer, which are in the others as well. `seconds`: read and wrote.
    """

    prompt = models.BigIntegerField(default=0)
    cached = models.BigIntegerField(default=0)
    written = models.BigIntegerField(default=0)
    look = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    waiting = models.FloatField(default=0)
    watt_hours = models.FloatField(default=0)

    class Meta:
        abstract = True


class Answered(Measured):
    """One answer. `answer` and `user` are not there for one that was kept nowhere."""

    class Way(models.TextChoices):
        PAGE = "page", _("Ask page")
        PRIVATE = "private", _("Ask page, private")
        API = "api", _("API")
        COMMAND = "command", _("Command line")
        EVALUATION = "evaluation", _("Evaluation")

    class Known(models.TextChoices):
        RAPL = "rapl", _("measured: processor")
        NVML = "nvml", _("measured: graphics card")
        BOTH = "rapl+nvml", _("measured: processor and graphics card")
        SETTING = "setting", _("estimated from the watts that the settings name")
        NONE = "none", _("not known")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    answer = models.UUIDField(null=True, blank=True, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    way = models.CharField(max_length=10, choices=Way)
    status = models.CharField(max_length=10)
    model = models.CharField(max_length=150)
    engine = models.CharField(max_length=30)
    assistant = models.UUIDField(null=True, blank=True)
    assistant_name = models.CharField(max_length=150, blank=True)
    known = models.CharField(max_length=10, choices=Known, default=Known.NONE)
    #: 0: quotes of the documents, which no model wrote.
    generations = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["at", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["at"], name="answered_at"),
            models.Index(fields=["answer"], name="answered_answer"),
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.at:%Y-%m-%d}"


class AnsweredGroup(models.Model):
    """A group that the asker was in at that time. Its name is kept: a total outlives the group."""

    id = models.BigAutoField(primary_key=True)
    answered = models.ForeignKey(Answered, on_delete=models.CASCADE, related_name="groups")
    group = models.UUIDField()
    name = models.CharField(max_length=150)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["answered", "group"], name="answered_group_once")
        ]

    def __str__(self) -> str:
        return self.name


class MonthTotal(Measured):
    """What a month comes to once its single answers are gone, or somebody of whom some were: one row for
    each line that its page shows.

    `by` and `key` as in usage/sums.py.
    """

    id = models.BigAutoField(primary_key=True)
    month = models.DateField()
    by = models.CharField(max_length=10)
    key = models.CharField(max_length=150, blank=True)
    name = models.CharField(max_length=150, blank=True)
    answers = models.BigIntegerField(default=0)
    unmeasured = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["month", "by", "key"], name="month_total_once")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.by} {self.key}"


class Price(models.Model):
    """A price from a day on, as an administrator found it.

    Electricity: `amount` a kWh. API: `amount`, `cached`, `written` for a million tokens read, read from
    the provider's cache, and written. Hardware: bought for `amount`, written off over `months`.
    """

    class Kind(models.TextChoices):
        ELECTRICITY = "electricity", _("Electricity, a kWh")
        API = "api", _("API, a million tokens")
        HARDWARE = "hardware", _("Hardware")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(_("name"), max_length=150, blank=True)
    since = models.DateField(_("from"))
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    cached = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    written = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    months = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(_("source"), max_length=300, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "name", "-since"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "name", "since"], name="price_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.since}"
