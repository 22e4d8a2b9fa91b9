"""Whom a grant names: one person, one group, or everyone."""

from uuid import UUID

from django.db.models import Q

#: What a table of grants checks of each row.
ONE_PRINCIPAL = (
    Q(user__isnull=False, group__isnull=True, everyone=False)
    | Q(user__isnull=True, group__isnull=False, everyone=False)
    | Q(user__isnull=True, group__isnull=True, everyone=True)
)


def principal_of(user: UUID | None, group: UUID | None, *, everyone: bool) -> str:
    """`user:ID`, `group:ID` or `everyone`, as the API writes it."""
    if everyone:
        return "everyone"
    return f"user:{user}" if user else f"group:{group}"
