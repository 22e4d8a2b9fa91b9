"""The process guard, in processes of its own. What is not refused would reach this machine alone."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import free_port
from tests.wall.guarded import command, lines, run
from tests.wall.inside import ROOT

REFUSED = "EgressRefused"


@pytest.fixture
def here() -> Iterator[str]:
    """A server of this machine, as HOST:PORT, that greets and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


#: What each may be called with, and what must come of it. PORT is that of a server which is there.
FORBIDDEN = {
    "connect": "connect(('127.0.0.1', PORT))",
    "connect_ex": "socket.socket().connect_ex(('127.0.0.1', PORT))",
    "connect by an IPv6 form": "connect(('::ffff:127.0.0.1', PORT), socket.AF_INET6)",
    "connect by an odd form": "connect(('127.1', PORT))",
    "connect by a name": "connect(('localhost', PORT))",
    "create_connection": "socket.create_connection(('127.0.0.1', PORT))",
    "connect of a datagram socket": "connect(('127.0.0.1', PORT), kind=socket.SOCK_DGRAM)",
    "sendto": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "sendmsg": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', PORT))",
    "bind": "socket.socket().bind(('127.0.0.1', 0))",
    "bind to everything": "socket.socket().bind(('', 0))",
    "a look-up": "socket.getaddrinfo('127.1', PORT)",
    "a look-up by the old call": "socket.gethostbyname('127.1')",
    "a look-up backwards": "socket.gethostbyaddr('127.0.0.1')",
    "a look-up by its number": "socket.getnameinfo(('127.0.0.1', PORT), 0)",
    "raw packets": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "packets below IP": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "the machine's host": "socket.socket(socket.AF_VSOCK)",
    "the kernel's ciphers": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "a service of the machine": "connect('/run/docker.sock', socket.AF_UNIX)",
    "the same by another path": "connect('/tmp/../run/docker.sock', socket.AF_UNIX)",
    "the log of the machine": "connect('/dev/log', socket.AF_UNIX, socket.SOCK_DGRAM)",
    "the C library": "__import__('ctypes').CDLL(None).connect",
    "the C library by index": "__import__('ctypes').CDLL(None)['getaddrinfo']",
    "urllib": "__import__('urllib.request').request.urlopen('http://127.0.0.1:%d/' % PORT)",
    "httpx": "__import__('httpx').get('http://127.0.0.1:%d/' % PORT)",
}


@pytest.mark.parametrize("way", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_is_not_listed_is_refused_and_counted(tmp_path: Path, here: str, way: str) -> None:
    text = f"""
PORT = int(sys.argv[2])
name = tried(lambda: {way})
say([name, guard.refused()])
"""
    name, count = run(tmp_path, text, here.rpartition(":")[2])
    assert (name in (REFUSED, "URLError", "ConnectError"), count) == (True, 1)


ALLOWED = {
    "a listed address": "connect(('127.0.0.1', PORT))",
    "a listed address by its IPv6 form": "connect(('::ffff:127.0.0.1', PORT), socket.AF_INET6)",
    "a listed address by its name": "socket.create_connection(('localhost', PORT))",
    "a listed address in asyncio": """__import__('asyncio').run(
        __import__('asyncio').open_connection('localhost', PORT))""",
    "a literal address needs no look-up": "socket.getaddrinfo('192.0.2.1', 80)",
    "an address to listen at": "socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)",
    "a pair of sockets": "socket.socketpair()",
    "a Unix socket in a folder of ours": "serve_unix()",
    "a program of ours": "__import__('subprocess').run(['/bin/true'], check=True)",
    "what ctypes is for": "__import__('ctypes').CDLL(None).getpid()",
    "a thread of asyncio": "__import__('asyncio').run(__import__('asyncio').sleep(0))",
}


@pytest.mark.parametrize("way", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_listed_passes(tmp_path: Path, here: str, way: str) -> None:
    text = f"""
PORT = int(sys.argv[2])
def serve_unix():
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "s"))
    server.listen()
    connect(str(folder / "s"), socket.AF_UNIX)
guard.allow([f"127.0.0.1:{{PORT}}", f"localhost:{{PORT}}"])
say([tried(lambda: {way}), guard.refused()])
"""
    assert run(tmp_path, text, here.rpartition(":")[2]) == ["", 0]


def test_another_port_of_a_listed_address_is_refused(tmp_path: Path, here: str) -> None:
    text = """
guard.allow(["127.0.0.1:1"])
say(tried(connect, ("127.0.0.1", int(sys.argv[2]))))
"""
    assert run(tmp_path, text, here.rpartition(":")[2]) == REFUSED


@pytest.mark.parametrize("form", ["127.0.0.1", "host", ":80", "host:http", "::1:80", "a:70000", ""])
def test_an_address_of_another_form_is_an_error(tmp_path: Path, form: str) -> None:
    assert run(tmp_path, "say(tried(guard.allow, [sys.argv[2]]))", form) == "ValueError"


def test_a_refusal_is_written_down_without_content(tmp_path: Path) -> None:
    text = """
guard.spool(folder)
secret = b"the text of a letter"
def outer():
    socket.socket(type=socket.SOCK_DGRAM).sendto(secret, ("127.0.0.1", 5))
tried(outer)
say(os.getpid())
"""
    pid = run(tmp_path, text)
    [line] = lines(tmp_path)
    assert {key: line[key] for key in ("role", "pid", "event", "host", "port")} == {
        "role": "web",
        "pid": pid,
        "event": "socket.sendto",
        "host": "127.0.0.1",
        "port": 5,
    }
    assert line["stack"][0].startswith("__main__:outer:")
    assert "letter" not in json.dumps(line)
    assert (tmp_path / "refused.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_name_that_carries_data_is_written_down_without_it(tmp_path: Path) -> None:
    text = """
guard.spool(folder)
tried(socket.getaddrinfo, "c2VjcmV0" * 7 + ".example.invalid", 80)
tried(socket.getaddrinfo, ".".join("secret") + ".a.b.c.d.e.invalid", 80)
say("")
"""
    run(tmp_path, text)
    assert [line["host"] for line in lines(tmp_path)] == [
        "(56 letters).example.invalid",
        "(12 labels).e.invalid",
    ]


def test_what_was_refused_before_there_was_a_folder_is_kept(tmp_path: Path) -> None:
    text = """
for port in range(1, 151):
    tried(connect, ("127.0.0.1", port))
guard.spool(folder)
say(guard.refused())
"""
    assert run(tmp_path, text) == 150
    found = lines(tmp_path)
    assert [line["port"] for line in found] == list(range(51, 151))
    assert sum(line["times"] for line in found) == 150


def test_a_folder_that_cannot_be_written_lets_nothing_pass(tmp_path: Path) -> None:
    text = """
(folder / "file").touch()
guard.spool(folder / "file")
say(tried(connect, ("127.0.0.1", 5)))
"""
    assert run(tmp_path, text) == REFUSED


def test_what_the_guard_does_not_understand_is_refused(tmp_path: Path) -> None:
    text = """
class Both(tuple):
    def __getitem__(self, index): return ("127.0.0.1", 7)[index]
class Name(str):
    pass
class Odd(int):
    pass
guard.allow(["127.0.0.1:7"])
say([tried(connect, address) for address in
    (Both(("127.0.0.1", 9)), (Name("127.0.0.1"), 7), ("127.0.0.1", Odd(7)))])
"""
    assert run(tmp_path, text) == [REFUSED] * 3


def test_a_socket_that_lies_about_its_family_is_seen_through(tmp_path: Path) -> None:
    text = """
class Liar(socket.socket):
    family = socket.AF_UNIX
say(tried(Liar().connect, ("127.0.0.1", 9)))
"""
    assert run(tmp_path, text) == REFUSED


def test_a_name_is_looked_up_once_and_keeps_its_address(tmp_path: Path, here: str) -> None:
    """The resolver is this machine's file of names; the second answer, another address, comes too late."""
    text = """
import _socket
asked = []
def resolver(name, *rest):
    asked.append(name)
    return [(2, 1, 6, "", (f"127.0.0.{len(asked)}", 0))]
guard._ask_resolver, real = resolver, guard._ask_resolver
guard.allow([f"db.example:{sys.argv[2]}"])
guard._ask_resolver = real
first = socket.getaddrinfo("db.example", int(sys.argv[2]), type=socket.SOCK_STREAM)[0][4][0]
socket.create_connection(("DB.example", int(sys.argv[2])))
say([asked, first, tried(connect, ("127.0.0.2", int(sys.argv[2]))), guard.refused()])
"""
    assert run(tmp_path, text, here.rpartition(":")[2]) == [["db.example"], "127.0.0.1", REFUSED, 1]


def test_children_of_a_fork_are_guarded_and_count_for_themselves(tmp_path: Path) -> None:
    text = """
guard.spool(folder)
tried(connect, ("127.0.0.1", 5))
child = os.fork()
if not child:
    tried(connect, ("127.0.0.1", 6))
    os._exit(guard.refused())
say([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), guard.refused(), os.getpid(), child])
"""
    in_child, in_parent, pid, child = run(tmp_path, text)
    assert (in_child, in_parent) == (1, 1)
    assert [(line["pid"], line["port"]) for line in lines(tmp_path)] == [(pid, 5), (child, 6)]


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    text = """
import threading
guard.spool(folder)
def many():
    for _ in range(100):
        tried(connect, ("127.0.0.1", 5))
threads = [threading.Thread(target=many) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
say(guard.refused())
"""
    assert run(tmp_path, text) == 800
    assert len(lines(tmp_path)) == 800


def test_no_line_is_lost_while_the_file_is_taken_away(tmp_path: Path) -> None:
    """Four processes write, the file is renamed under them again and again."""
    text = """
guard.spool(folder)
for _ in range(300):
    tried(connect, ("127.0.0.1", 5))
"""
    writers = [subprocess.Popen(command(tmp_path, text), cwd=ROOT) for _ in range(4)]
    taken = 0
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "refused.jsonl").exists():
            taken += 1
            (tmp_path / "refused.jsonl").rename(tmp_path / f"{taken}.part")
    files = [*tmp_path.glob("*.part"), *tmp_path.glob("refused.jsonl")]
    assert sum(len(file.read_bytes().splitlines()) for file in files) == 4 * 300


def test_a_full_file_takes_no_more_and_the_next_one_tells_how_many(tmp_path: Path) -> None:
    text = """
from wall import refusals
refusals.MOST_BYTES = 2_000
guard.spool(folder)
for _ in range(50):
    tried(connect, ("127.0.0.1", 5))
(folder / "refused.jsonl").rename(folder / "full")
tried(connect, ("127.0.0.1", 5))
say("")
"""
    run(tmp_path, text)
    full = (tmp_path / "full").read_bytes()
    assert len(full) < 4_000
    assert len(full.splitlines()) + lines(tmp_path)[0]["times"] == 51


def test_nothing_hidden_in_an_exception(tmp_path: Path) -> None:
    text = """
try:
    connect(("127.0.0.1", 4711))
except OSError as error:
    say([str(error), error.errno, isinstance(error, PermissionError), error.__context__])
"""
    message, number, is_permission, context = run(tmp_path, text)
    assert (number, is_permission, context) == (13, True, None)
    assert "4711" not in message


def test_uvloop_whose_network_calls_no_hook_sees_is_not_taken(tmp_path: Path) -> None:
    text = """
from uvicorn.config import Config
loop = Config(app=None, loop="auto").get_loop_factory()
say(loop.__module__)
"""
    assert run(tmp_path, text).startswith("asyncio")


def test_a_second_installation_changes_nothing(tmp_path: Path) -> None:
    text = """
guard.install("other")
tried(connect, ("127.0.0.1", 5))
say([guard.installed(), guard.refused()])
"""
    assert run(tmp_path, text) == ["web", 1]


def test_a_module_runs_as_if_it_were_called_itself(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; print(__name__, sys.argv)")
    said = subprocess.run(
        [*command(tmp_path, "")[:4], "-m", "program", "one", "--two"],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == f"__main__ ['{tmp_path}/program.py', 'one', '--two']\n"


def test_the_end_is_not_delayed(tmp_path: Path) -> None:
    ended = subprocess.run(
        command(tmp_path, f"os.kill(os.getpid(), {int(signal.SIGTERM)})"), cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGTERM


def test_commands_by_hand_are_guarded_from_their_first_line(tmp_path: Path) -> None:
    """Settings that are read under the guard list what they name and nothing else."""
    port, other = free_port(), free_port()
    text = f"""
import socket
from wall import guard
def tried(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2)
    except OSError as error:
        return type(error).__name__
print([guard.installed(), tried({port}), tried({other})])
"""
    said: Any = subprocess.run(
        [command(tmp_path, "")[0], "manage.py", "shell", "-v", "0", "-c", text],
        cwd=ROOT,
        env={
            "SOVEREIGN_DATA_DIR": str(tmp_path / "data"),
            "SOVEREIGN_CHROMA_URL": f"http://127.0.0.1:{port}",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "['command', 'ConnectionRefusedError', 'EgressRefused']"
    [line] = lines(tmp_path / "data" / "evidence")
    assert (line["role"], line["port"]) == ("command", other)
