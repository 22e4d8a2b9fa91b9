"""A process that was taken over cannot stop a proof, spoil a report, or write what it likes into one."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from compliance import answers, report_parts
from compliance import prove as proving
from compliance.answers import checked
from wall import agent, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def honest() -> dict[str, Any]:
    return agent.answer("web", prove=False) | {
        "probes": [
            {"kind": "tcp", "target": "192.0.2.1:9", "refused": True, "layer": "guard", "how": "no"}
        ]
    }


def test_an_honest_answer_stays_what_it_is(honest: dict[str, Any]) -> None:
    del honest["at"]
    assert checked(honest) == honest


@pytest.mark.parametrize(
    "change",
    [
        {"role": "web\nright       record"},
        {"role": 5},
        {"pid": 1.5},
        {"pid": 2**60},
        {"pid": True},
        {"refused": "none"},
        {"facts": {}},
        {"facts": []},
        {"probes": {"a": 1}},
        {"probes": [{"kind": "tcp"}]},
        {"probes": ["x"]},
    ],
    ids=repr,
)
def test_what_has_another_form_is_no_answer(honest: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        checked(honest | change)


def test_words_are_short_and_have_no_lines(honest: dict[str, Any]) -> None:
    honest["probes"][0]["how"] = "a\nb\x1b" + "secret " * 1_000
    how = checked(honest)["probes"][0]["how"]
    assert how.startswith("a?b?") and len(how) == 300


@pytest.mark.parametrize(
    "said", [b"[" * 500_000, b'{"role": "\\ud800"}', b'{"role": "web", "pid": 1e400}', b"5", b""]
)
def test_an_answer_of_any_bytes_stops_no_proof(
    said: bytes, tmp_path: Path, settings: Settings
) -> None:
    settings.RUN_DIR, settings.EVIDENCE_DIR = tmp_path, tmp_path / "evidence"
    (tmp_path / "proof").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "proof" / "web-1.sock"))
        listener.listen()
        threading.Thread(target=_say, args=(listener, said), daemon=True).start()
        _, silent = proving._asked(status.read(tmp_path))
    assert "web" in [each["kind"] for each in silent]


def test_the_name_of_a_socket_brings_no_words_into_a_report() -> None:
    assert [answers.named(each) for each in ("web", "a b", "\udcff", "x\ny", "")] == [
        "web", "unknown", "unknown", "unknown", "unknown",
    ]  # fmt: skip


def _say(listener: socket.socket, said: bytes) -> None:
    for _ in range(2):  # whether somebody is there; the question
        connection, _address = listener.accept()
        with connection:
            if connection.recv(64):
                connection.sendall(said)


def test_the_file_of_a_proof_is_plain_json(honest: dict[str, Any]) -> None:
    json.dumps(checked(honest), allow_nan=False)


HONEST = {
    "wall": "namespace", "why": ["runs-as-root"], "holder": 5, "started": 9, "namespaces": {"net": 7},
    "hidden": ["/run"], "listening": {"address": "127.0.0.1:8000", "device": "lo"},
    "gates": [{"name": "mail", "host": "mail.invalid", "address": "192.0.2.1", "port": 25}],
    "landlock_abi": 6, "seccomp": True, "at": "2026-01-31T08:00:00+00:00",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"wall": 5}, {"why": "x"}, {"why": [{}]}, {"holder": 1.5}, {"holder": "../1"}, {"namespaces": []},
     {"namespaces": {"net": 1.5}}, {"hidden": {}}, {"gates": [{}]}, {"gates": 5}, {"seccomp": 1},
     {"gates": [{"name": "../../x", "host": "h", "address": "a", "port": 1}]}, {"at": None},
     {"wall": "namespace\nright"}, {"landlock_abi": 2**60}, {"listening": {"device": 5}}],
    ids=repr,
)  # fmt: skip
def test_a_wall_json_of_another_form_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / status.NAME).write_text(json.dumps(HONEST | change))
    assert status.read(tmp_path) is None
    (tmp_path / status.NAME).write_text(json.dumps(HONEST))
    assert status.read(tmp_path) == status.Status(**HONEST)  # type: ignore[arg-type]


def test_deep_nesting_is_no_wall_json(tmp_path: Path) -> None:
    (tmp_path / status.NAME).write_text("[" * 100_000)
    assert status.read(tmp_path) is None


def test_a_forged_list_of_processes_stops_no_proof(tmp_path: Path, settings: Settings) -> None:
    settings.RUN_DIR = tmp_path
    forged = [
        {"name": "chroma", "pid": "../1"},
        {"name": "a\nb", "pid": 1},
        5,
        {"name": "web", "pid": 7},
    ]
    for said, names in ((forged, ["web"]), ("x", []), (None, [])):
        (tmp_path / "processes.json").write_text(json.dumps({"processes": said}))
        assert [each["name"] for each in proving._listed()] == names


@pytest.mark.parametrize("value", ["abc", 1.5, -1, 2**60, [], True])
def test_a_gates_forged_counters_stop_no_report(
    tmp_path: Path, settings: Settings, value: object
) -> None:
    settings.RUN_DIR = tmp_path
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "mail.json").write_text(json.dumps({"bytes_out": value}))
    (tmp_path / status.NAME).write_text(json.dumps(HONEST))
    assert report_parts.wall()["gates"][0]["traffic"]["bytes_out"] == -1
