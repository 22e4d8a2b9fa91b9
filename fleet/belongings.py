"""What a person did with models, for the file of all that is kept about her."""

from typing import Any

from accounts.belongings import belongs
from accounts.models import User
from fleet.models import Deed

_TOLD = ("id", "created_at", "finished_at", "kind", "model", "state")


@belongs("models.json")
def deeds(person: User) -> list[dict[str, Any]]:
    """The oldest first."""
    mine = Deed.objects.filter(user=person).order_by("created_at", "id")
    return list(mine.values(*_TOLD))
