"""Whatever somebody with all rights does to the tables is found and named."""

import random
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audit import actions, checkpoints, keys, rows
from audit.chain import digest, fields_of, genesis, stamp
from audit.faults import Fault
from audit.models import Entry, Seal
from audit.record import record
from audit.seal import seal
from audit.verify import tail, verified, verify
from tests.audit.tampering import entry_at, exchange, fill, run, shift, tamper, tampered

pytestmark = pytest.mark.django_db
TEXTS = ["actor", "action", "target_type", "target_id", "request_id"]
COUNT = 120
EACH = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POSITION = st.integers(1, COUNT)


@pytest.fixture
def filled(db: None) -> None:
    """The last entry says that the checkpoints begin."""
    fill(COUNT - 1)
    seal()


def found() -> list[tuple[str, int | None, int | None]]:
    return [(fault.code, fault.position, fault.entry) for fault in verify().faults]


def codes() -> set[str]:
    return {fault.code for fault in verify().faults}


# --- nothing was done ---------------------------------------------------------------------------
def test_an_empty_record_is_intact() -> None:
    verdict = verify()
    assert (verdict.ok, verdict.entries, verdict.head) == (True, 0, None)


def test_what_was_sealed_is_intact(filled: None) -> None:
    newest = Seal.objects.latest("position")
    verdict = verify()
    assert (verdict.faults, verdict.ok) == ([], True)
    assert (verdict.entries, verdict.sealed, verdict.unsealed) == (COUNT, COUNT, 0)
    assert verdict.head == (COUNT, newest.digest)
    assert verdict.checkpoints == 2


def test_entries_that_wait_are_counted_and_no_fault(filled: None) -> None:
    record(actions.STARTED)
    verdict = verify()
    assert (verdict.ok, verdict.unsealed, verdict.entries) == (True, 1, COUNT + 1)
    assert tail()[0] == 1


def test_an_entry_that_waits_too_long_is_named(filled: None) -> None:
    old = Entry.objects.create(action=actions.STARTED, at=timezone.now() - timedelta(seconds=90))
    assert found() == [("unsealed", None, old.pk)]
    assert verify().oldest_unsealed_seconds >= 90


def test_batches_of_the_walk_join(filled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 7)
    assert verify().sealed == COUNT
    assert verify().ok


def test_who_verifies_is_recorded(alice: Any) -> None:
    fill(3)
    with tampered(
        "UPDATE audit_entry SET actor = 'x' WHERE id = (SELECT min(id) FROM audit_entry)"
    ):
        verified(alice)
        entry = Entry.objects.latest("id")
        assert (entry.action, entry.actor) == (actions.RECORD_VERIFIED, str(alice.pk))
        assert (entry.data["ok"], entry.data["faults"]) == (False, ["changed"])


# --- one byte -----------------------------------------------------------------------------------
def one_byte(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    letters = [letter for letter in "0123456789abcdefgXYZ .:-" if letter != text[place]]
    return text[:place] + rng.choice(letters) + text[place + 1 :]


def test_bytes_changed_in_ten_thousand_entries_are_each_named() -> None:
    """30 rows anywhere, one byte each, in any column that holds text."""
    fill(10_000)
    seal()  # the entry that says so would have waited too long on a busy machine
    rng = random.Random(11)
    places = rng.sample(range(1, 10_001), 30)
    statements = []
    for position in places:
        entry, column = Entry.objects.get(pk=entry_at(position)), rng.choice(TEXTS)
        change = f"UPDATE audit_entry SET {column} = %s WHERE id = %s"
        statements.append((change, [one_byte(rng, getattr(entry, column)), entry.pk]))
    expected = {("changed", position, entry_at(position)) for position in places}
    tamper(*statements)
    verdict = verify()
    assert {(fault.code, fault.position, fault.entry) for fault in verdict.faults} == expected
    assert verdict.sealed == 10_001


@given(
    position=POSITION, column=st.sampled_from(TEXTS), value=st.text("ab\t é\u202e'=", max_size=9)
)
@EACH
def test_any_text_of_any_entry(filled: None, position: int, column: str, value: str) -> None:
    entry = entry_at(position)
    assume(value != getattr(Entry.objects.get(pk=entry), column))
    with tampered((f"UPDATE audit_entry SET {column} = %s WHERE id = %s", [value, entry])):
        assert found() == [("changed", position, entry)]


@given(position=POSITION, seconds=st.integers(1, 10**9))
@EACH
def test_any_time(filled: None, position: int, seconds: int) -> None:
    entry = Entry.objects.get(pk=entry_at(position))
    other = entry.at - timedelta(microseconds=seconds)
    change = "UPDATE audit_entry SET at = %s WHERE id = %s"
    with tampered((change, [connection.ops.adapt_datetimefield_value(other), entry.pk])):
        assert found() == [("changed", position, entry.pk)]


@given(
    position=POSITION,
    data=st.sampled_from(
        ["{}", "null", "[]", "1e400", "0.5", '{"citations": 9007199254740993}', '{"a": "\\ud800"}']
    ),
)
@EACH
def test_any_data(filled: None, position: int, data: str) -> None:
    if connection.vendor == "postgresql" and ("e400" in data or "ud800" in data):
        return
    entry = entry_at(position)
    assume(data != "{}" or Entry.objects.get(pk=entry).data)  # some entries say no more than that
    with tampered(("UPDATE audit_entry SET data = %s WHERE id = %s", [data, entry])):
        assert found() == [("changed", position, entry)]


@given(position=POSITION, column=st.sampled_from(["digest", "previous"]), place=st.integers(1, 64))
@EACH
def test_any_byte_of_a_seal(filled: None, position: int, column: str, place: int) -> None:
    change = (
        f"UPDATE audit_seal SET {column} = substr({column}, 1, {place - 1}) || 'x' || "
        f"substr({column}, {place + 1}) WHERE position = {position}"
    )
    with tampered(change):
        assert ("changed", position, entry_at(position)) in found()


@given(position=st.integers(1, COUNT), microseconds=st.integers(1, 10**8))
@EACH
def test_the_time_of_a_seal(filled: None, position: int, microseconds: int) -> None:
    other = Seal.objects.get(position=position).at + timedelta(microseconds=microseconds)
    change = "UPDATE audit_seal SET at = %s WHERE position = %s"
    with tampered((change, [connection.ops.adapt_datetimefield_value(other), position])):
        assert found() == [("changed", position, entry_at(position))]


def test_another_uuid(filled: None) -> None:
    value = "00000000-0000-4000-8000-000000000001"
    value = value if connection.vendor == "postgresql" else value.replace("-", "")
    with tampered(("UPDATE audit_entry SET uuid = %s WHERE id = %s", [value, entry_at(9)])):
        assert found() == [("changed", 9, entry_at(9))]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's types refuse all of these")
@pytest.mark.parametrize(
    "change",
    [
        "actor = CAST(x'ff' AS TEXT)",
        "actor = x'00'",
        "actor = 5",
        "at = 'yesterday'",
        "at = at || ' '",
        "at = substr(at, 1, 10) || 'T' || substr(at, 12)",
        "uuid = upper(uuid)",
        "uuid = 'none'",
        "data = replace(data, ': ', ':')",
        "data = ' ' || data",
        """data = '{"chunks": [], ' || substr(data, 2)""",
    ],
)
def test_what_means_the_same_or_nothing(filled: None, change: str) -> None:
    """Bytes that every reader takes for the same entry were changed all the same."""
    entry = entry_at(9)
    with tampered(f"UPDATE audit_entry SET {change} WHERE id = {entry}"):
        assert found() == [("changed", 9, entry)]


# --- removed, inserted, moved -------------------------------------------------------------------
@given(position=POSITION)
@EACH
def test_a_removed_entry(filled: None, position: int) -> None:
    entry = entry_at(position)
    with tampered(f"DELETE FROM audit_entry WHERE id = {entry}"):
        assert found() == [("removed", position, entry)]


@given(position=st.integers(1, COUNT - 1))
@EACH
def test_a_removed_entry_and_its_seal(filled: None, position: int) -> None:
    with tampered(*without(position)):
        assert found() == [("removed", position, None)]


def without(position: int) -> list[str]:
    entry = entry_at(position)
    return [
        f"DELETE FROM audit_seal WHERE position = {position}",
        f"DELETE FROM audit_entry WHERE id = {entry}",
    ]


@given(position=st.integers(1, COUNT - 1))
@EACH
def test_a_removed_entry_whose_gap_was_closed(filled: None, position: int) -> None:
    with tampered(*without(position), *shift(position + 1, -1)):
        faults = found()
        # The checkpoints speak of positions that are no more, or are others', too.
        assert faults[0] == ("removed", position, None)
        assert "cut-off" in {code for code, _, _ in faults}


@pytest.mark.parametrize("honest", [True, False], ids=["with-a-digest-that-fits", "with-any"])
@pytest.mark.parametrize("position", [1, 2, 60, COUNT - 1, COUNT])
def test_an_inserted_entry(filled: None, position: int, honest: bool) -> None:
    before = Seal.objects.filter(position=position - 1).first()
    previous = before.digest if before else genesis(keys.fingerprint())
    with tampered(*shift(position, 1)):
        entry = Entry.objects.create(action=actions.SIGNED_IN)
        now = timezone.now()
        made = digest(position, previous, stamp(now), fields_of(entry)) if honest else "0" * 64
        Seal.objects.create(position=position, entry=entry, previous=previous, digest=made, at=now)
        assert ("inserted", position, entry.pk) in found()
        assert codes() <= {"inserted", "rewritten"}


@given(pair=st.sets(POSITION, min_size=2, max_size=2))
@EACH
def test_swapped_entries(filled: None, pair: set[int]) -> None:
    one, two = sorted(pair)
    ids = entry_at(one), entry_at(two)
    expected = {("reordered", one), ("reordered", two)}
    for table, column, values in (
        ("audit_entry", "id", ids),
        ("audit_seal", "entry_id", ids),
        ("audit_seal", "position", (one, two)),
    ):
        with tampered(*exchange(table, column, *values)):
            # A checkpoint may speak of one of the two positions.
            told = {fault[:2] for fault in found() if fault[0] != "rewritten"}
            assert told == expected, column


def test_a_row_at_another_place_far_away(filled: None) -> None:
    with tampered("UPDATE audit_seal SET position = 5000 WHERE position = 9"):
        assert {("removed", 9, None), ("removed", COUNT + 1, None)} < set(found())


def test_more_faults_than_anybody_reads_are_counted(filled: None) -> None:
    with tampered("UPDATE audit_entry SET actor = 'x'"):
        faults = verify().faults
        assert len(faults) == 101
        assert faults[-1] == Fault("more", detail=f"{COUNT - 100} more faults were found.")


# --- the chain was made anew ---------------------------------------------------------------------
def reseal(first: int, last: int) -> None:
    """What somebody does who can compute digests, too: all digests fit again."""
    before = Seal.objects.filter(position=first - 1).first()
    previous = before.digest if before else genesis(keys.fingerprint())
    for each in Seal.objects.filter(position__range=(first, last)).select_related("entry"):
        made = digest(each.position, previous, stamp(each.at), fields_of(each.entry))
        run(
            (
                "UPDATE audit_seal SET previous = %s, digest = %s WHERE position = %s",
                [previous, made, each.position],
            )
        )
        previous = made


@pytest.fixture
def unlocked(filled: None) -> Any:
    """Changes of the test itself need no rights."""

    def change(position: int, last: int) -> None:
        from audit import triggers

        if connection.vendor == "postgresql":
            run("SET CONSTRAINTS ALL IMMEDIATE")
        triggers.remove(connection)
        run(f"UPDATE audit_entry SET actor = 'x' WHERE id = {entry_at(position)}")
        reseal(position, last)
        triggers.install(connection)

    return change


def test_one_entry_sealed_anew(unlocked: Any) -> None:
    unlocked(60, 60)
    assert found() == [("resealed", 60, entry_at(60))]


@pytest.mark.parametrize(("position", "told_by"), [(2, COUNT - 1), (60, COUNT - 1), (COUNT, COUNT)])
def test_all_from_there_on_sealed_anew(unlocked: Any, position: int, told_by: int) -> None:
    """The checkpoints are of the last two positions here."""
    unlocked(position, COUNT)
    assert found() == [("rewritten", told_by, None)]


def test_all_sealed_anew_lies_between_two_checkpoints(filled: None, unlocked: Any) -> None:
    for size in (20, 30):
        fill(size, seed=size)
        checkpoints.write()
    unlocked(COUNT + 25, COUNT + 50)
    fault = verify().faults[0]
    assert (fault.code, fault.position) == ("rewritten", COUNT + 50)
    assert f"between position {COUNT + 21} and" in fault.detail


def test_the_whole_of_ten_thousand_entries_rewritten() -> None:
    from audit import triggers

    fill(10_000)
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    triggers.remove(connection)
    run(f"UPDATE audit_entry SET actor = 'x' WHERE id = {entry_at(1)}")
    reseal(1, 10_000)
    triggers.install(connection)
    assert "rewritten" in codes()


def test_an_exchanged_key_with_a_new_chain(filled: None) -> None:
    """All of it made anew, and signed, by another key: only who kept the old one can tell."""
    kept = keys.public_pem()
    keys.key_file().rename(keys.key_file().with_suffix(".old"))
    try:
        assert codes() == {"genesis", "checkpoint-changed"}
        assert "key" in {fault.code for fault in verify(pem=kept).faults}
    finally:
        keys.key_file().with_suffix(".old").replace(keys.key_file())


def test_the_key_that_was_kept(filled: None) -> None:
    assert verify(pem=keys.public_pem()).ok
    other = Ed25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert {"key", "genesis", "checkpoint-changed"} == {
        each.code for each in verify(pem=pem).faults
    }


# --- the end was cut off -------------------------------------------------------------------------
@pytest.mark.parametrize("kept", [0, 1, 60, COUNT - 1])
def test_the_end_was_cut_off(filled: None, kept: int) -> None:
    first = entry_at(kept + 1)
    with tampered(
        f"DELETE FROM audit_seal WHERE position > {kept}",
        f"DELETE FROM audit_entry WHERE id >= {first}",
    ):
        assert found() == [("cut-off", kept + 1, None)]


def test_the_end_was_cut_off_and_grew_again(filled: None) -> None:
    first = entry_at(100)
    tamper(
        "DELETE FROM audit_seal WHERE position >= 100",
        f"DELETE FROM audit_entry WHERE id >= {first}",
    )
    fill(COUNT, seed=2)
    # head.json speaks of the new chain by now; the head before was kept.
    assert "checkpoint-conflict" in codes()
    assert Entry.objects.filter(action=actions.RECORD_CONTRADICTED).exists()


def test_a_missing_trigger_is_named(filled: None) -> None:
    from audit import triggers

    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    triggers.remove(connection)
    assert codes() == {"trigger"}
    triggers.install(connection)


def test_memory_does_not_grow_with_the_record() -> None:
    import tracemalloc

    fill(500)
    peaks = []
    for more in (1_500, 6_000):
        fill(more, seed=more)
        tracemalloc.start()
        verify()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 1_000_000
