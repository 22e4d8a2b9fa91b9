"""What the record takes, it gives back alike on every database and hashes alike in every language."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import actions
from audit.chain import canonical
from audit.models import Entry
from audit.record import MOST, MOST_CHARACTERS, Unfit, record

pytestmark = pytest.mark.django_db
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PLAIN = st.none() | st.booleans() | st.integers(-MOST, MOST) | TEXT
DATA = st.dictionaries(
    TEXT, PLAIN | st.lists(TEXT) | st.lists(st.integers(-MOST, MOST)), max_size=6
)


@given(data=DATA)
@settings(max_examples=150, deadline=None)
def test_what_was_recorded_comes_back(data: dict[str, Any]) -> None:
    entry = record(actions.STARTED, data=data)
    found = Entry.objects.get(pk=entry.pk)
    assert found.data == data
    assert canonical(found.data) == rfc8785.dumps(data)


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        1.0,
        float("nan"),
        float("inf"),
        MOST + 1,
        -MOST - 1,
        "a\0b",
        "\ud800",
        uuid.UUID(int=1),
        Decimal(1),
        b"bytes",
        ("a", "tuple"),
        {"a set"},
        [0.5],
        {"deep": [float("nan")]},
        {1: "a key that is no text"},
        {"\ud800": 1},
    ],
    ids=repr,
)
def test_what_is_read_differently_elsewhere_is_refused(value: Any) -> None:
    with pytest.raises(Unfit):
        record(actions.STARTED, data={"value": value})
    assert not Entry.objects.exists()


def test_more_than_an_entry_holds_is_refused() -> None:
    with pytest.raises(Unfit):
        record(actions.STARTED, data={"a": "x" * MOST_CHARACTERS})


@pytest.mark.parametrize("target", [("a" * 33, "1"), ("user", "1" * 65), ("user", "a\0b")])
def test_a_target_that_no_database_holds_is_refused(target: tuple[str, str]) -> None:
    with pytest.raises(Unfit):
        record(actions.STARTED, target=target)


def test_the_largest_numbers_are_taken() -> None:
    assert record(actions.STARTED, data={"most": MOST, "least": -MOST}).data["most"] == MOST
