import json
import socket
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from ingest import indexes
from ingest.chunk import RULES
from ingest.models import Index
from sovereign import parts, probes
from sovereign.parts import Part

ClientFor = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def _all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "RUNNING", (parts.database, lambda: Part("broker", True, "answers")))


def test_livez_asks_nothing_and_needs_no_sign_in(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_is_503_where_a_needed_part_is_missing(client: Client) -> None:
    # Neither broker nor vector store runs here.
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


@pytest.mark.usefixtures("_all_well")
def test_readyz_tells_strangers_and_members_one_word(
    client: Client, client_for: ClientFor, bob: User
) -> None:
    for caller in (client, client_for(bob)):
        answer = caller.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("_all_well")
def test_readyz_shows_administrators_the_parts(client_for: ClientFor, admin: User) -> None:
    content = client_for(admin).get("/readyz").json()
    assert [part["name"] for part in content["parts"]] == ["database", "broker"]


def test_a_missing_worker_alone_does_not_take_the_web_process_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "RUNNING", (parts.database, parts.worker))
    assert not parts.worker().ok
    assert client.get("/readyz").status_code == 200


def test_nobody_can_change_anything_by_them(client: Client) -> None:
    assert client.post("/livez").status_code == 405
    assert client.post("/readyz").status_code == 405


# --- probes -------------------------------------------------------------------------------------
def _serve_once(listener: socket.socket, answer: bytes) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()


def test_the_probe_speaks_http_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "models.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        body = b'{"status": "loading"}'
        _serve_once(
            listener, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert probes.get(f"unix:{path}", "/health", timeout=60) == (200, {"status": "loading"})


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno json"])
def test_the_probe_survives_whatever_answers(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        _serve_once(listener, answer)
        assert probes.get(f"unix:{path}", "/") in (None, (200, {}))


def test_the_probe_does_not_wait_for_one_who_never_answers(tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert probes.get(f"unix:{path}", "/", timeout=0.1) is None
        assert probes.redis_on_socket(str(path), timeout=0.1) is False


# --- the doctor -----------------------------------------------------------------------------------
def test_the_doctor_says_what_fails_and_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    out = StringIO()
    with pytest.raises(CommandError, match="need attention") as raised:
        call_command("doctor", stdout=out)
    assert raised.value.returncode == 1
    said = out.getvalue()
    assert "ok python" in said
    assert "FAIL embedder" in said
    assert "manage.py models fetch" in said
    assert "FAIL broker" in said
    assert "make up" in said


def test_the_doctor_speaks_json(settings: Settings) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", "--json", stdout=out)
    content = json.loads(out.getvalue())
    assert content["ok"] is False
    found = {part["name"]: part for part in content["parts"]}
    assert {"python", "packages", "engine", "disk", "tables", "port", "database", "broker"} <= set(
        found
    )
    assert found["database"]["ok"] is True
    assert all(part["advice"] for part in found.values() if not part["ok"])


@pytest.mark.django_db
def test_the_doctor_tells_of_an_index_that_was_made_another_way(settings: Settings) -> None:
    assert parts.search_index().ok and not Index.objects.exists(), "it looks, and makes nothing"
    used = indexes.active()
    assert parts.search_index().ok
    settings.EMBEDDER = "another"
    found = parts.search_index()
    assert not found.ok and not found.needed and "manage.py reindex --again`" in found.advice
    Index.objects.create(embedder="another", chunking=RULES)
    assert "--status" in parts.search_index().advice
    Index.objects.filter(pk=used.pk).update(embedder="another", chunking="0")
    assert not parts.search_index().ok
    Index.objects.filter(pk=used.pk).update(chunking=RULES)
    assert parts.search_index().ok
