from datetime import timedelta

import pytest
from django.utils import timezone

from audit import actions, queries
from audit.models import Entry
from audit.record import record

pytestmark = pytest.mark.django_db


class Person:
    pk = "6a1c7d1e-0000-4000-8000-000000000001"


@pytest.fixture
def found() -> dict[str, Entry]:
    return {
        "in": record(actions.SIGNED_IN, actor=Person(), target=("user", Person.pk)),  # type: ignore[arg-type]
        "out": record(actions.SIGNED_OUT, actor=Person(), target=("user", Person.pk)),  # type: ignore[arg-type]
        "ready": record(actions.DOCUMENT_READY, target=("document", "d1")),
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["ready", "out", "in"]),
        ({"action": actions.SIGNED_IN}, ["in"]),
        ({"action": [actions.SIGNED_IN, actions.DOCUMENT_READY]}, ["ready", "in"]),
        ({"action": "accounts."}, ["out", "in"]),
        ({"action": "accounts"}, []),
        ({"action": []}, ["ready", "out", "in"]),
        ({"actor": Person.pk}, ["out", "in"]),
        ({"actor": "system"}, ["ready"]),
        ({"target": "document"}, ["ready"]),
        ({"target": "document:d1"}, ["ready"]),
        ({"target": "user:d1"}, []),
        ({"target": "d1"}, ["ready"]),
        ({"action": actions.SIGNED_IN, "actor": "system"}, []),
    ],
)
def test_filters(found: dict[str, Entry], filters: dict[str, str], names: list[str]) -> None:
    assert list(queries.entries(**filters)) == [found[name] for name in names]  # type: ignore[arg-type]


def test_the_span_holds_its_beginning_and_not_its_end(found: dict[str, Entry]) -> None:
    one, two = found["in"].at, found["out"].at
    assert list(queries.entries(since=one, until=two)) == [found["in"]]


def test_nothing_is_of_tomorrow(found: dict[str, Entry]) -> None:
    assert not queries.entries(since=timezone.now() + timedelta(days=1))
