"""Answers that are written into the book as chat does it."""

from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from accounts.models import User
from chat.answered import Finished
from chat.ask import Way
from chat.tally import Tally
from inference.energy import Known
from inference.protocol import Spent, Usage
from usage.book import Ledger
from usage.models import Answered


def tally(
    prompt: int = 500, cached: int = 200, written: int = 60, joules: float | None = 360.0,
    known: Known = "rapl",
) -> Tally:  # fmt: skip
    """With a look before it that read the same for nothing but two joules."""
    made = Tally(model="small-model", engine="llama-cpp-python")
    seen = None if joules is None else 2.0
    how: Known = "none" if joules is None else known
    made.add(made.look, Usage(prompt, cached, 1), Spent(0.5, 1.0, 0.0, seen, how))
    made.add(made.text, Usage(prompt, prompt, written), Spent(0.0, 0.5, 3.0, joules, how))
    return made


def answer(
    user: User,
    *,
    at: date | datetime | None = None,
    way: Way = "page",
    private: bool = False,
    assistant: tuple[UUID, str] | None = None,
    took: Tally | None = None,
) -> Answered:
    key, name = assistant or (None, "")
    finished = Finished(
        uuid4(), user, way, private, "complete", took or tally(), assistant=key, assistant_name=name
    )
    Ledger().write(finished)
    row = Answered.objects.latest("id")
    if at is not None:
        row.at = at if isinstance(at, datetime) else noon(at)
        row.save(update_fields=["at"])
    return row


def noon(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(12)))


def ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
