"""Why no room could be had, said by kernels that refuse; and a room for a user without any right."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wall.inside import NOBODY, ROOT, copy_for_nobody, for_nobody, python_of_all

#: Makes the kernel refuse in one way, then asks for a room and prints why there is none.
REFUSED = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from wall import mounts, namespace
from wall.room import NoRoom, Plan, Room
folder = sys.argv[3]
namespace.make()
if sys.argv[2] == "none":
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
elif sys.argv[2] == "networks":
    open("/proc/sys/user/max_net_namespaces", "w").write("0")
elif sys.argv[2] == "changed-root":
    mounts.bind("/", folder + "/root")
    os.chroot(folder + "/root")
try:
    Room(Plan("", [], [folder], [folder], folder)).close()
    print(json.dumps("a room"))
except NoRoom as error:
    print(json.dumps(error.why))
"""
#: As a user without rights: builds a room and says what a process inside sees.
ORDINARY = """
import json, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from wall.room import NoRoom, Plan, Room
folder = sys.argv[2]
try:
    made = Room(Plan("127.0.0.1 localhost\\n", ["192.0.2.7"], [folder, sys.argv[1]], [folder], folder))
except NoRoom as error:
    print(json.dumps({"why": error.why}))
    sys.exit()
program = '''
import json, os, socket
def tried(what, *arguments):
    try:
        what(*arguments)
        return "done"
    except OSError as error:
        return error.strerror
def connect(host):
    with socket.socket() as made:
        made.connect((host, 443))
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({
    "uid": os.getuid(), "devices": [name for _, name in socket.if_nameindex()],
    "rights": status["CapEff"].strip(), "outside": tried(connect, "192.0.2.1"),
    "own": tried(open, FOLDER + "/new", "w"), "theirs": tried(open, "/var/tmp/../lib/x", "w"),
}))
'''.replace("FOLDER", repr(folder))
with made.listen("192.0.2.7", 5432), made.connect("192.0.2.7", 5432):
    pass
ended = subprocess.run([sys.executable, "-I", "-c", program], preexec_fn=lambda: made.enter(None),
                       capture_output=True, text=True)
made.close()
print(ended.stdout or json.dumps({"error": ended.stderr}))
"""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("none", "none-allowed"),
        ("networks", "no-more-allowed"),
        ("changed-root", "kernel-forbids"),
        ("nothing", "a room"),
    ],
)
def test_the_reason_is_told_truly(tmp_path: Path, how: str, why: str) -> None:
    (tmp_path / "root").mkdir()
    ended = subprocess.run(
        [sys.executable, "-I", "-c", REFUSED, str(ROOT), how, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in ended.stderr:
        pytest.skip(f"NO NAMESPACE HERE: {ended.stderr.splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == why


def _as_nobody(sources: Path, folder: Path) -> dict[str, Any]:
    ended = subprocess.run(
        [python_of_all(), "-I", "-c", ORDINARY, str(sources), str(folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_user_without_rights_has_a_room_too(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("ROOT ALONE CAN BECOME ANOTHER USER: the other tests ran as an ordinary one")
    sources, folder = copy_for_nobody(tmp_path / "sources"), for_nobody(tmp_path)
    found = _as_nobody(sources, folder)
    if "why" in found:
        pytest.skip(f"NO NAMESPACE FOR ORDINARY USERS HERE: {found['why']}")
    assert found == {
        "uid": NOBODY,
        "devices": ["lo"],
        "rights": "0" * 16,
        "outside": "Network is unreachable",
        "own": "done",
        "theirs": "Read-only file system",
    }
