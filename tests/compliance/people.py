"""Who asks in the compliance tests."""

from collections.abc import Callable

from django.test import Client

from accounts.models import User
from tests import people

ClientFor = Callable[[User | None], Client]


def make_officer(name: str = "Olga") -> User:
    """A compliance officer without grants."""
    return people.make_user(name, is_compliance=True)
