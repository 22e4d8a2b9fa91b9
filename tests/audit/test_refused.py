"""refused.jsonl into the record: summed, once, and read as a stranger's."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from audit import actions, refused
from audit.models import Entry
from wall import refusals
from wall.refusals import NAME

pytestmark = pytest.mark.django_db


def line(**fields: Any) -> dict[str, Any]:
    about = {"at": "2026-01-02T03:04:05Z", "role": "web", "pid": 7, "event": "socket.connect"}
    return {**about, "host": "192.0.2.1", "port": 443, "stack": ["a:f:1"], **fields}


def write(folder: Path, *lines: dict[str, Any] | bytes) -> None:
    with (folder / NAME).open("ab") as file:
        for each in lines:
            file.write((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n")


def entries(action: str = actions.EGRESS_REFUSED) -> list[dict[str, Any]]:
    return [entry.data for entry in Entry.objects.filter(action=action).order_by("id")]


def test_a_refusal_becomes_an_entry(tmp_path: Path) -> None:
    write(tmp_path, line())
    assert refused.collect(tmp_path) == 1
    assert entries() == [
        {
            "role": "web",
            "event": "socket.connect",
            "host": "192.0.2.1",
            "port": 443,
            "times": 1,
            "first": "2026-01-02T03:04:05Z",
            "last": "2026-01-02T03:04:05Z",
            "pids": [7],
            "stack": ["a:f:1"],
        }
    ]


def test_nothing_waits_where_nothing_was_refused(tmp_path: Path) -> None:
    assert refused.collect(tmp_path / "not-there") == 0


def test_a_flood_is_one_entry_with_its_number(tmp_path: Path) -> None:
    write(tmp_path, *[line(pid=number % 100) for number in range(100_000)])
    assert refused.collect(tmp_path) == 100_000
    assert [(each["times"], len(each["pids"])) for each in entries()] == [(100_000, 12)]


def test_a_flood_of_different_addresses_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, *[line(port=number) for number in range(10_000)])
    assert refused.collect(tmp_path) == 10_000
    found = entries()
    assert len(found) == refused.MOST_ENTRIES + 1
    assert found[-1] == {
        "role": "",
        "event": "others",
        "host": "",
        "port": 0,
        "times": 10_000 - refused.MOST_ENTRIES,
        "unreadable": 0,
    }


def test_lines_that_stand_for_several_count_as_several(tmp_path: Path) -> None:
    write(tmp_path, line(times=500), line())
    assert refused.collect(tmp_path) == 501


def test_a_proofs_attempts_are_one_entry_a_role_and_count_apart(tmp_path: Path) -> None:
    write(tmp_path, line(probe=True), line(probe=True, port=53), line(probe=True, role="worker"))
    assert refused.collect(tmp_path) == 0
    assert [(each["role"], each["event"], each["times"]) for each in entries()] == [
        ("web", "proof", 2),
        ("worker", "proof", 1),
    ]


def test_a_readers_entry_names_the_documents(tmp_path: Path) -> None:
    one, two = (str(uuid.UUID(int=number)) for number in (1, 2))
    write(
        tmp_path,
        *[line(role="parser", document=each) for each in (two, one, two, "a letter's name", 5)],
    )
    assert refused.collect(tmp_path) == 5
    assert [(each["times"], each["documents"]) for each in entries()] == [(5, [one, two])]


def test_what_was_let_out_is_no_refusal(tmp_path: Path) -> None:
    refusals.let_out(tmp_path, "package registry")
    assert refused.collect(tmp_path) == 0
    assert [each["host"] for each in entries(actions.EGRESS_LET_OUT)] == ["package registry"]


@pytest.mark.parametrize(
    "hostile",
    [
        line(host="the text of a letter\n\x00 of the board, of any length" * 50),
        line(host=["list"], port="443", pid=-1, at="yesterday", role={}, event=None, times=True),
        line(host="\ud800", stack=["print('text')", 5, "x" * 500] * 10),
        line(stack="no list", times=10**30, port=2**70),
    ],
)
def test_hostile_fields_are_not_taken_over(tmp_path: Path, hostile: dict[str, Any]) -> None:
    write(tmp_path, hostile)
    assert refused.collect(tmp_path) == 1
    text = json.dumps(entries())
    assert len(text) < 1_000
    assert not any(word in text for word in ("letter", "list", "yesterday", "print", "xxxxx"))


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe", b"[" * 7_000, b"5", b'"text"', b"{}x", b"y" * 20_000]
)
def test_garbage_is_counted_and_hides_nothing(tmp_path: Path, garbage: bytes) -> None:
    write(tmp_path, garbage, line())
    assert refused.collect(tmp_path) == 1
    assert entries()[0]["host"] == "192.0.2.1"
    assert entries()[1]["unreadable"] >= 1


def test_after_a_crash_before_the_entries_the_next_call_goes_on(tmp_path: Path) -> None:
    write(tmp_path, line())
    (tmp_path / NAME).rename(tmp_path / f"{uuid.uuid4()}.taken")
    write(tmp_path, line())
    assert refused.collect(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


def test_after_a_crash_before_the_removal_nothing_counts_twice(tmp_path: Path) -> None:
    taken = tmp_path / f"{uuid.uuid4()}.taken"
    for expected in (1, 0):
        write(taken.parent, line())
        (tmp_path / NAME).rename(taken)
        assert refused.collect(tmp_path) == expected
    assert len(entries()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(line(host="10.9.8.7")))
    (tmp_path / NAME).symlink_to(secret)
    assert refused.collect(tmp_path) == 0
    assert "10.9.8.7" not in json.dumps(entries())
    assert secret.exists()


def test_a_pipe_in_its_place_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    assert refused.collect(tmp_path) == 0
    assert [each["unreadable"] for each in entries()] == [1]
