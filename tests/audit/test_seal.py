"""Entries get their place in the chain: in order, once, whoever seals and whatever crashes."""

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from django.db import transaction

from audit import actions, keys
from audit import seal as sealing
from audit.chain import digest, fields_of, genesis, stamp
from audit.models import Entry, Seal
from audit.record import record
from audit.seal import seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun() -> int:
    """The entry that says that the checkpoints begin is behind us; how many are sealed."""
    record(actions.STARTED)
    return seal() + seal()


def sealed_ids() -> list[int]:
    return list(Seal.objects.values_list("entry_id", flat=True))


def test_sealing_follows_the_order_of_entries() -> None:
    made = [record(actions.STARTED).pk for _ in range(3)]
    assert seal() == 3
    assert sealed_ids() == made


def test_nothing_is_sealed_twice(begun: int) -> None:
    record(actions.STARTED)
    seal()
    assert seal() == 0


def test_each_seal_holds_on_to_the_one_before() -> None:
    for _ in range(3):
        record(actions.STARTED)
    seal()
    seals = list(Seal.objects.all())
    assert [each.previous for each in seals] == [
        genesis(keys.fingerprint()),
        seals[0].digest,
        seals[1].digest,
    ]


def test_the_digest_is_of_the_documented_bytes() -> None:
    """By the standard library alone, as somebody else would."""
    record(actions.STARTED, target=("document", "d"), data={"b": [1, 2], "a": "é\n", "c": None})
    seal()
    made = Seal.objects.get()
    entry = made.entry
    first = {"format": "sovereign-record-1", "installation": keys.fingerprint()}
    fields = {
        "action": "sovereign.start",
        "actor": "",
        "at": entry.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": {"a": "é\n", "b": [1, 2], "c": None},
        "id": entry.pk,
        "position": 1,
        "previous": hashlib.sha256(compact(first)).hexdigest(),
        "request_id": entry.request_id,
        "sealed": made.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "target_id": "d",
        "target_type": "document",
        "uuid": str(entry.uuid),
    }
    assert made.digest == hashlib.sha256(compact(fields)).hexdigest()


def compact(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_an_entry_with_a_lower_id_that_comes_late_is_sealed_later(begun: int) -> None:
    late = record(actions.STARTED)
    key = late.pk
    with transaction.atomic():
        record(actions.STARTED)
        seal()
    newer = Entry.objects.create(action=actions.STARTED, id=key + 50)
    seal()
    Entry.objects.create(action=actions.STARTED, id=key + 20)
    assert seal() == 1
    assert sealed_ids()[begun:] == [key, key + 1, newer.pk, key + 20]


def test_far_behind_it_is_found_by_looking_everywhere(
    begun: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "WINDOW", 5)
    first = record(actions.STARTED).pk
    Entry.objects.create(action=actions.STARTED, id=first + 100)
    seal()
    Entry.objects.create(action=actions.STARTED, id=first + 10)
    assert seal() == 0
    assert seal(everywhere=True) == 1


def test_many_batches_are_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    for _ in range(10):
        record(actions.STARTED)
    assert seal() == 10
    assert [each.position for each in Seal.objects.all()] == list(range(1, 11))


def test_what_cannot_be_hashed_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 2)
    for _ in range(3):
        Entry.objects.create(action=actions.STARTED, data={"n": 2**60})
    good = record(actions.STARTED)
    assert seal() == 1
    assert sealed_ids() == [good.pk]


def test_the_time_of_an_entry_has_six_digits_whatever_it_is() -> None:
    assert stamp(datetime(2026, 1, 31, 8, tzinfo=UTC)) == "2026-01-31T08:00:00.000000Z"


@pytest.mark.parametrize(
    "field",
    ["id", "uuid", "at", "actor", "action", "target_type", "target_id", "request_id", "data"],
)
def test_each_field_counts(field: str) -> None:
    entry = record(actions.STARTED)
    fields = fields_of(entry)
    changed = {**fields, field: str(uuid.uuid4())}
    assert digest(1, "", "", fields) != digest(1, "", "", changed)


@pytest.mark.parametrize("change", [(2, "", ""), (1, "x", ""), (1, "", "x")])
def test_place_and_time_count(change: tuple[int, str, str]) -> None:
    fields = fields_of(record(actions.STARTED))
    assert digest(*change, fields) != digest(1, "", "", fields)
