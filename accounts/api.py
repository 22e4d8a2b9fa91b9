"""The API of people: tokens, me, users, groups."""

from ninja import Router

router = Router(tags=["accounts"])
