from pathlib import Path

import pytest

from tests.wall import inside
from wall.hosts import GateError, Wanted, distinct, from_url, from_words, hosts_file, resolve
from wall.status import Gate


def gate(name: str, host: str = "db.example", address: str = "192.0.2.7", port: int = 5432) -> Gate:
    return Gate(name=name, host=host, address=address, port=port)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgres://user:secret@db.example/name", [("db.example", 5432)]),
        ("rediss://:secret@[2001:db8::1]:6380/0", [("2001:db8::1", 6380)]),
        ("redis://one:1/0;redis://two:2/0", [("one", 1), ("two", 2)]),
        ("https://models.example/v1", [("models.example", 443)]),
        ("redis+socket:///run/x.sock", []),
        ("unix:/run/models.sock", []),
        ("", []),
    ],
)
def test_the_addresses_of_a_setting_are_found(url: str, found: list[tuple[str, int]]) -> None:
    assert [(each.host, each.port) for each in from_url("x", url)] == found


def test_a_kind_of_address_without_a_known_port_must_name_one() -> None:
    with pytest.raises(GateError, match="names no port"):
        from_url("x", "gopher://example")


def test_gates_of_their_own_setting() -> None:
    assert from_words(["mail=mail.example:25", "files=[2001:db8::1]:445"]) == [
        Wanted("mail", "mail.example", 25),
        Wanted("files", "2001:db8::1", 445),
    ]


@pytest.mark.parametrize(
    "word", ["mail", "mail=", "mail=host", "mail=host:0", "mail=host:x", "../x=host:1", "=host:1"]
)
def test_a_gate_that_is_not_one_is_a_sentence(word: str) -> None:
    with pytest.raises(GateError, match="must look like"):
        from_words([word])


def test_a_host_without_an_address_is_a_sentence(tmp_path: Path) -> None:
    program = """
import json, sys
sys.path.insert(0, sys.argv[1])
from wall.hosts import GateError, Wanted, resolve
try:
    print(json.dumps(resolve([Wanted("x", "nowhere.invalid", 80)])))
except GateError as error:
    print(json.dumps(str(error)))
"""
    with inside.room(tmp_path) as made:
        assert "x has no address now" in inside.said(made, program, str(inside.ROOT))


def test_localhost_is_version_four_first() -> None:
    assert resolve([Wanted("x", "localhost", 80)])[0]["address"] == "127.0.0.1"


def test_one_address_has_one_gate_and_names_are_distinct() -> None:
    found = distinct([gate("a"), gate("b"), gate("a", address="192.0.2.8")])
    assert [(each["name"], each["address"]) for each in found] == [
        ("a", "192.0.2.7"),
        ("a-2", "192.0.2.8"),
    ]


def test_names_are_pinned_and_numbers_are_not() -> None:
    text = hosts_file([gate("a"), gate("b", host="192.0.2.9", address="192.0.2.9")], "machine")
    assert text.splitlines() == [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        "127.0.1.1 machine",
        "192.0.2.7 db.example",
    ]
