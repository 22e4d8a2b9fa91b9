"""What her answers took, for the file of all that is kept about a person."""

from typing import Any

from accounts.belongings import belongs
from accounts.models import User
from usage.models import Answered

FIELDS = (
    "at", "answer", "way", "status", "model", "assistant_name", "prompt", "cached", "written",
    "seconds", "watt_hours", "known",
)  # fmt: skip


@belongs("usage.json")
def usage(person: User) -> list[dict[str, Any]]:
    """The oldest first. Private answers are nobody's, and old ones have become totals without names."""
    return list(Answered.objects.filter(user=person).order_by("at", "id").values(*FIELDS))
