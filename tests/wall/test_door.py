"""The listening socket, taken over by a program inside: it can be called, and it cannot call.

Two networks, both private, joined by a pair of devices: the trick is tried in one, the other is "the
company's network" and counts what arrives. Nothing of it touches this machine's own network.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.wall.inside import ROOT

#: Builds both networks; prints what came of the trick and how many connections arrived.
STAGE = """
import json, os, select, socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
from wall import door, namespace
how, turned = sys.argv[2], sys.argv[3]

def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)

namespace.make()
namespace.loopback_up()
# The other network: a child that unshares its own, in this user namespace.
up, down = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    namespace.unshare(namespace.CLONE_NEWNET)
    os.write(up[1], b"x")
    os.read(down[0], 1)
    ip("addr", "add", "192.0.2.2/24", "dev", "there")
    ip("link", "set", "there", "up")
    server = socket.create_server(("192.0.2.2", 443))
    os.write(up[1], b"x")
    os.read(down[0], 1)  # the trick is over, as it may be
    arrived = 0
    if select.select([server], [], [], 0.5)[0]:
        with server.accept()[0] as called:
            called.settimeout(20)
            arrived = len(called.recv(10))
    os._exit(arrived)
os.read(up[0], 1)
ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(child))
ip("addr", "add", "192.0.2.1/24", "dev", "here")
ip("link", "set", "here", "up")
os.write(down[1], b"x")
os.read(up[0], 1)

listener = socket.socket()
if "filter" in how:
    door.answer_only(listener)
if "lo" in how:
    assert door.bind_to_loopback(listener)
listener.bind(("127.0.0.1" if "lo" in how else "0.0.0.0", 8000))
listener.listen()
namespace.drop_rights()
stolen = listener
if turned == "accepted":
    caller = socket.create_connection(("127.0.0.1", 8000))
    stolen = listener.accept()[0]
if "unlock" in how:
    import struct
    for option, value in ((27, b"\\0" * 4), (25, b"here\\0"), (25, b"\\0")):
        try:
            stolen.setsockopt(socket.SOL_SOCKET, option, value)
        except OSError:
            pass
libc = __import__("ctypes").CDLL(None)
libc.connect(stolen.fileno(), bytes(16), 16)  # AF_UNSPEC: it is nobody's connection now
stolen.settimeout(30 if how == "plain" else 1.5)
try:
    stolen.connect(("192.0.2.2", 443))
    stolen.send(b"secret")
    said = "connected"
except OSError as error:
    said = error.strerror or "no answer"
os.write(down[1], b"x")
stolen.close()
arrived = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({"said": said, "arrived": arrived}))
"""


def stage(how: str, turned: str) -> dict[str, Any]:
    if not shutil.which("ip"):
        pytest.skip("NO iproute2 HERE: apt install iproute2")
    ended = subprocess.run(
        [sys.executable, "-I", "-c", STAGE, str(ROOT), how, turned],
        capture_output=True,
        text=True,
        check=False,
    )
    if "veth" in ended.stderr or "unshare" in ended.stderr:
        pytest.skip(f"THIS KERNEL LACKS veth OR NAMESPACES: {ended.stderr.splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_an_ordinary_user_can_listen_whatever_the_kernel_keeps_to_root() -> None:
    """Some kernels refuse the filter to all but root. The device is then the lock."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if os.geteuid() != 0 or not python or not shutil.which("setpriv"):
        pytest.skip("NOT TRIED AS ANOTHER USER: root, setpriv and a Python for all are needed")
    text = """
import sys, socket
sys.path.insert(0, sys.argv[1])
from wall import door
listener = socket.socket()
door.answer_only(listener)
assert door.bind_to_loopback(listener)
listener.bind(("127.0.0.1", 0))
listener.listen()
assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).startswith(b"lo")
"""
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as folder:  # the checkout may lie where nobody else reads
        shutil.copytree(ROOT / "wall", Path(folder, "wall"))
        Path(folder).chmod(0o755)
        command = [*user, python, "-I", "-c", text, folder]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("turned", ["listening", "accepted"])
def test_without_a_lock_the_trick_works(turned: str) -> None:
    """Else the tests below would prove nothing."""
    assert stage("plain", turned) == {"said": "connected", "arrived": 6}


@pytest.mark.parametrize("turned", ["listening", "accepted"])
@pytest.mark.parametrize("how", ["filter", "lo", "filter lo"])
def test_a_locked_socket_connects_to_nobody(how: str, turned: str) -> None:
    found = stage(how, turned)
    assert found["arrived"] == 0
    assert found["said"] != "connected"


@pytest.mark.parametrize("how", ["filter unlock", "lo unlock"])
def test_the_locks_cannot_be_taken_off_inside(how: str) -> None:
    assert stage(how, "listening")["arrived"] == 0
