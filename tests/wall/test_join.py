"""Commands by hand go behind the wall of the launcher that runs, and of nobody else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.wall import inside
from tests.wall.inside import NOBODY, ROOT
from wall import namespace, status
from wall.join import join, start_ticks
from wall.room import Room
from wall.status import Status

#: Joins as manage.py does, in a process of its own: there is no way back.
JOIN = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from wall import namespace
from wall.join import CannotJoin, join
try:
    inside = join(Path(sys.argv[2]))
except CannotJoin as error:
    print(json.dumps({"cannot": str(error)}))
    sys.exit()
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
again = join(Path(sys.argv[2]))
print(json.dumps({
    "inside": inside, "again": again, "net": namespace.inodes()["net"], "folder": os.getcwd(),
    "rights": status["CapEff"].strip(), "filter": int(status["Seccomp"]), "hosts": open("/etc/hosts").read(),
    "seen": os.path.exists(sys.argv[3]),
}))
"""

#: A launcher of another user.
OTHER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from wall import status
from wall.join import start_ticks
from wall.room import NoRoom, Plan, Room
folder = sys.argv[2]
try:
    made = Room(Plan("", [], [folder], [folder], folder))
except NoRoom as error:
    print(error.why, flush=True)
    sys.exit()
status.write(Path(folder), status.Status(
    "namespace", holder=made.holder, started=start_ticks(made.holder), namespaces=made.inodes))
print("ready", flush=True)
sys.stdin.read()
made.close()
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with inside.room(tmp_path, hosts="192.0.2.7 database.example\n") as made:
        yield made


def written(room: Room, folder: Path, **fields: Any) -> Status:
    said = Status(
        wall="namespace",
        holder=room.holder,
        started=start_ticks(room.holder),
        namespaces=room.inodes,
    )
    said = replace(said, **fields)
    status.write(folder, said)
    return said


def joined(folder: Path, **options: Any) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-I", "-c", JOIN, str(ROOT), str(folder), str(folder / "a person's file")],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_command_comes_inside_without_rights_and_keeps_its_folder(
    room: Room, tmp_path: Path
) -> None:
    written(room, tmp_path)
    (tmp_path / "a person's file").touch()
    found = joined(tmp_path, cwd=tmp_path)
    assert found == {
        "inside": True,
        "again": True,
        "net": room.inodes["net"],
        "folder": str(tmp_path),
        "rights": "0" * 16,
        "filter": 0,
        "hosts": "192.0.2.7 database.example\n",
        "seen": True,
    }


def test_a_command_is_filtered_where_the_processes_are(room: Room, tmp_path: Path) -> None:
    """No namespace covers the socket to a virtual machine's host: the filter does."""
    written(room, tmp_path, seccomp=True)
    assert joined(tmp_path)["filter"] == 2


def test_a_process_that_the_launcher_started_is_inside_already(room: Room, tmp_path: Path) -> None:
    written(room, tmp_path)
    program = f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from wall.join import join
print(json.dumps(join(Path({str(tmp_path)!r}))))
"""
    assert inside.said(room, program) is True


def test_without_a_wall_there_is_nothing_to_join(tmp_path: Path) -> None:
    assert join(tmp_path) is False
    status.write(tmp_path, Status(wall="seccomp"))
    assert join(tmp_path) is False


def test_a_file_that_a_killed_launcher_left_is_not_believed(room: Room, tmp_path: Path) -> None:
    written(room, tmp_path)
    room.close()
    assert join(tmp_path) is False


def test_another_process_with_the_holders_number_is_not_believed(
    room: Room, tmp_path: Path
) -> None:
    written(room, tmp_path, started=1)
    assert join(tmp_path) is False


def test_other_namespaces_than_those_written_down_are_refused(room: Room, tmp_path: Path) -> None:
    written(room, tmp_path, namespaces={**room.inodes, "user": namespace.inodes()["user"]})
    assert "not the process that was written down" in joined(tmp_path)["cannot"]


def test_root_is_told_whose_wall_it_is(tmp_path: Path) -> None:
    """Root could go in, and would leave files that the service cannot read."""
    if os.geteuid() != 0:
        pytest.skip("ROOT ALONE CAN BECOME ANOTHER USER")
    sources, folder = inside.copy_for_nobody(tmp_path / "sources"), inside.for_nobody(tmp_path)
    with subprocess.Popen(
        [inside.python_of_all(), "-I", "-c", OTHER, str(sources), str(folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        said = other.stdout.readline().strip()
        if said != "ready":
            pytest.skip(f"NO NAMESPACE FOR ORDINARY USERS HERE: {said}")
        found = joined(folder)
        other.communicate("end")
    assert f"as user {NOBODY}" in found["cannot"]
