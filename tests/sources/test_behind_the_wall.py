"""Behind the real wall the worker sees the folders and gates that settings name, and beat starts it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.setup.children import until
from tests.setup.conftest import ROOT
from tests.setup.test_live import Launched
from tests.sources import servers

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]

MAKE = """
from accounts.models import User
from ingest.collections import create_collection
from ingest import sync_manage
user = User.objects.create_user("a@example.com", name="A", password="correct horse battery")
made = create_collection(user, name="Followed")
for kind, known in SOURCES.items():
    draft = sync_manage.Draft(kind, kind, known["settings"], credential=known.get("credential", ""))
    sync_manage.create(user, made, draft)
print(1)
"""
LOOK = """
import json
from ingest.models import Document, SyncSource
rows = SyncSource.objects.order_by("name").values_list("name", "error_code", "last_success_at")
living = Document.objects.filter(collection__name="Followed").exclude(status="erasing")
print(json.dumps([[[n, c, bool(s)] for n, c, s in rows],
    sorted(f"{d.path}/{d.name}" for d in living)]))
"""
AGAIN = """
from django.utils import timezone
from ingest.models import SyncSource
SyncSource.objects.update(next_at=timezone.now())
print(1)
"""


def by_hand(launched: Launched, program: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", program],
        cwd=ROOT,
        env=launched.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "one.txt").write_text("Annual leave is 28 days.")
    (folder / "two.txt").write_text("Salaries are paid on the 25th.")
    (folder / "three.txt").write_text("Stays.")
    return folder


@pytest.fixture
def launched(tmp_path: Path, files: Path) -> Iterator[Launched]:
    port = servers.free_port()
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "dav").write_text(f"user=alice\npassword=pw\naddress=127.0.0.1:{port}\n")
    web = tmp_path / "web"
    web.mkdir()
    (web / "cloud.txt").write_text("From the cloud.")
    with servers.running(servers.serve("webdav", port, folder=web), port):
        running = Launched(
            tmp_path,
            SOVEREIGN_GATES=f"files=127.0.0.1:{port}",
            SOVEREIGN_SOURCE_ROOTS=str(files),
            SOVEREIGN_SOURCE_SECRETS_DIR=str(secrets),
        )
        running.sources = {  # type: ignore[attr-defined]
            "folder": {"settings": {"path": str(files)}},
            "webdav": {"settings": {"url": f"http://127.0.0.1:{port}/"}, "credential": "dav"},
        }
        try:
            running.until_ready()
            yield running
        finally:
            running.end()


def test_sources_are_read_behind_the_wall(launched: Launched, files: Path) -> None:
    known = dict(launched.sources)  # type: ignore[attr-defined]
    by_hand(launched, f"SOURCES = {known!r}\n{MAKE}")
    until(lambda: [row[2] for row in by_hand(launched, LOOK)[0]] == [True, True], 240)
    assert by_hand(launched, LOOK)[1] == [
        "folder/one.txt",
        "folder/three.txt",
        "folder/two.txt",
        "webdav/cloud.txt",
    ]
    (files / "one.txt").unlink()
    by_hand(launched, AGAIN)
    until(lambda: "folder/one.txt" not in by_hand(launched, LOOK)[1], 240)
    gate = json.loads((launched.data / "run" / "gates" / "files.json").read_text())
    assert gate["connections"] > 0
