"""Start, upload, question, shutdown, watched by the kernel's own tracer: nothing is sent anywhere else.

Once as it is, and once without our guard in any service: then the libraries alone are watched.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sovereign.launcher import state
from tests.e2e.canary import Person
from tests.live import free_port, wait_until
from tests.setup.conftest import ROOT
from tests.wall.strace import Named, families, leaving, named

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(1_200)]
EMAIL, PASSWORD = "first@example.com", "a long password of mine"
START_SECONDS = 240.0
#: The launcher, with every service started as it would be without a guard.
UNGUARDED = """
import sys
from dataclasses import replace
from sovereign.launcher import process
real = process.wrapped
def wrapped(command, confined, *, kernel):
    return real(command, confined and replace(confined, guard=""), kernel=kernel)
process.wrapped = wrapped
from sovereign.launcher.__main__ import main
sys.exit(main())
"""


# --- the reader of what strace says ---------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        '7 connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = -1',
        '[pid 7] connect(5, {sa_family=AF_INET6, sin6_port=htons(53), inet_pton(AF_INET6, "2001:db8::1",'
        " &sin6_addr)}, 28) = 0",
        '7 sendto(3, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}'
        ", 16) = 1",
        "7 sendmmsg(3, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("
        '"127.0.0.1")}}}, {msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr('
        '"192.0.2.1")}}}], 2, 0) = 2',
        "7 connect(5, {sa_family=AF_VSOCK, svm_cid=0x2, svm_port=0x50}, 16) = 0",
        '7 connect(5, {sa_family=AF_INET6, sin6_port=htons(1), inet_pton(AF_INET6, "::ffff:192.0.2.1",'
        " &sin6_addr)}, 28 <unfinished ...>",
    ],
)
def test_what_leaves_is_found(line: str) -> None:
    assert len(leaving(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        '7 connect(5, {sa_family=AF_UNIX, sun_path="/run/x.sock"}, 110) = 0',
        '7 connect(5, {sa_family=AF_INET, sin_port=htons(8001), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        '7 connect(5, {sa_family=AF_INET6, sin6_port=htons(1), inet_pton(AF_INET6, "::1", &sin6_addr)},'
        " 28) = -1 EINPROGRESS (Operation now in progress)",
        "7 sendto(3, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0}, 12) = 20",
        '7 bind(5, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
        '7 sendto(3, "sa_fam", 6, MSG_NOSIGNAL, NULL, 0) = 6',
    ],
)
def test_what_stays_is_let_pass(line: str) -> None:
    assert leaving(line) == []


# --- the product ------------------------------------------------------------------------------------
@dataclass
class Traced:
    """The whole life of one product: `text` is what strace wrote, `said` what the launcher printed."""

    text: str
    said: str
    exit_code: int
    answer: str


def life(folder: Path, program: list[str]) -> Traced:
    """Start, sign in, upload, ask, shut down, under strace."""
    trace, log, data = folder / "trace", folder / "log", folder / "var"
    address = f"127.0.0.1:{free_port()}"
    kept = {name: each for name, each in os.environ.items() if not name.startswith("SOVEREIGN_")}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_DATA_DIR": str(data),
        "SOVEREIGN_LISTEN": address,
        "SOVEREIGN_MODELS_DIR": str(folder / "no-models"),
        "SOVEREIGN_ENGINE": "fake",
        "SOVEREIGN_ADMIN_EMAIL": EMAIL,
        "SOVEREIGN_ADMIN_PASSWORD": PASSWORD,
    }
    options = ["-f", "--seccomp-bpf", "-qq", "-s", "8", "-e", "trace=network", "-o", str(trace)]
    with log.open("wb") as output:
        tracer = subprocess.Popen(
            ["strace", *options, sys.executable, *program],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        answer = _work(f"http://{address}", data, tracer, log)
        launcher = state.read(data / "run")["launcher"]
        os.kill(launcher, signal.SIGINT)
        code = tracer.wait(timeout=START_SECONDS)
    finally:
        if tracer.poll() is None:
            tracer.terminate()
            tracer.wait()
    return Traced(trace.read_text(errors="replace"), log.read_text(), code, answer)


def _work(base: str, data: Path, tracer: "subprocess.Popen[bytes]", log: Path) -> str:
    def all_ready() -> bool:
        assert tracer.poll() is None, log.read_text()
        found = state.read(data / "run")["processes"]
        return bool(found) and all(each["state"] == "ready" for each in found)

    wait_until("everything is ready", all_ready, START_SECONDS, 0.5)
    with closing(Person(base, EMAIL, PASSWORD)) as person:
        assert person.sign_in().status_code == 200
        person.with_token("trace")
        collection = person.call("POST", "/collections", json={"name": "Towers"})["id"]
        text = b"# Towers\n\nThe bell tower of Morwen has 91 bells.\n"
        sent = person.call(
            "POST", f"/collections/{collection}/documents", files={"file": ("towers.md", text)}
        )
        document = sent["documents"][0]["id"]

        def read() -> bool:
            status = person.call("GET", f"/documents/{document}")["status"]
            return bool(status in ("ready", "failed"))

        wait_until("the document is read", read, START_SECONDS, 0.5)
        body = {"question": "How many bells has the tower of Morwen?", "stream": False}
        answer: httpx.Response = person.api.post("/answers", json=body)
        assert answer.is_success, answer.text
        return answer.text


@pytest.fixture(
    scope="module",
    params=[["-m", "sovereign.launcher"], ["-c", UNGUARDED]],
    ids=["guarded", "unguarded"],
)
def traced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    if not shutil.which("strace"):
        pytest.skip("NOBODY WATCHED THE SYSTEM CALLS: apt install strace")
    folder = tmp_path_factory.mktemp("traced")
    tried = subprocess.run(["strace", "-o", str(folder / "x"), "true"], check=False)
    if tried.returncode != 0:
        pytest.skip("THIS KERNEL LETS NOBODY TRACE: strace cannot work here")
    yield life(folder, request.param)


def test_nothing_is_sent_to_another_place_than_this_machine(traced: Traced) -> None:
    assert traced.exit_code == 0, traced.said
    assert "91 bells" in traced.answer
    assert leaving(traced.text) == []


def test_the_tracer_saw_what_is_there_to_be_seen(traced: Traced) -> None:
    """Else the test above proves nothing: Unix sockets and the vector store on loopback."""
    seen = named(traced.text)
    assert [each for each in seen if each.family == "AF_UNIX"]
    assert Named("connect", "AF_INET", "127.0.0.1", 8001) in seen


def test_no_socket_of_a_strange_family_is_made(traced: Traced) -> None:
    assert families(traced.text) <= {
        *("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"),
        # strace's shorter names for the first two
        *("AF_LOCAL", "PF_UNIX"),
    }
