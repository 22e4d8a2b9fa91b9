"""No word of anybody is where it need not be: a whole journey with errors, then every sink is searched.

The product runs as it does at a company: launcher, web, worker, models process with a real small
model, Chroma, valkey. Where content must be (the tables that hold it) it is looked for, too: else a
journey that went nowhere would pass.
"""

import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from django.conf import settings

from tests.e2e.canary import (
    CANARIES,
    PASSWORD,
    Person,
    found_in,
    found_in_files,
    processes,
)
from tests.live import Process, free_port, wait_until

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(1_800)]

MODEL = "smollm2-135m-instruct"
NEEDED = [settings.MODELS_DIR / MODEL, settings.MODELS_DIR / "multilingual-e5-small"]
START_SECONDS = 300
#: Makes the password so long that chance makes it similar to no name and no address (by the letters
#: that they share, 0.7 of both: a canary is mostly hexadecimal digits).
LONG = "lanterns behind the green harbour wall"
#: Tables that hold what people wrote, and which canaries each of them may hold.
TABLES: dict[str, set[str]] = {
    "ingest_chunk": {"document", "draft"},
    "ingest_lexical": {"document", "draft"},
    "ingest_document": {"filename", "folder", "document", "draft"},
    "ingest_collection": {"collection", "description"},
    "chat_conversation": {"question"},
    "chat_message": {"question", "document"},
    "chat_feedback": {"comment"},
    "accounts_user": {"email", "person"},
    "accounts_group": {"group"},
    "accounts_apitoken": {"token"},
    # A total outlives its group.
    "usage_answeredgroup": {"group"},
    # Failed sign-ins, until their lock is over: the address that was typed.
    "axes_accessattempt": {"email", "body"},
}


class Product:
    """The running product, and what the journey needs to know of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "var"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "launcher.log"
        self.launcher = Process(
            [sys.executable, "-m", "sovereign.launcher"], self.log, self._environment()
        )
        self.commands: set[bytes] = set()
        self.cores: dict[str, str] = {}
        self.keys: list[bytes] = []
        self.answers: list[bytes] = []

    def _environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "sovereign.settings",
            "SOVEREIGN_DATA_DIR": str(self.data),
            "SOVEREIGN_LISTEN": f"127.0.0.1:{self.port}",
            "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
            "SOVEREIGN_CHAT_MODEL": MODEL,
            "SOVEREIGN_ADMIN_EMAIL": "first@example.com",
            "SOVEREIGN_ADMIN_PASSWORD": PASSWORD,
            "SOVEREIGN_LEASE_SECONDS": "5",
            "SOVEREIGN_LOG_LEVEL": "DEBUG",
            "SOVEREIGN_KEEP_ORIGINALS_DAYS": "1",
            "TMPDIR": str(self.temporary),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def run_dir(self) -> Path:
        from sovereign.settings.rundir import run_dir

        return run_dir(self.data, os.environ.get("XDG_RUNTIME_DIR", ""))

    def process(self, words: str) -> list[int]:
        """Ids of the product's processes whose command holds `words`."""
        assert self.launcher._child
        found = []
        for pid in processes(self.launcher._child.pid):
            with suppress(OSError):
                if words in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                    found.append(pid)
        return found

    def keep_house(self) -> None:
        """What the sweep does every ten minutes, now."""
        code = "import django; django.setup(); from ingest import recover; recover.housekeeping()"
        child = Process(
            [sys.executable, "-c", code], self.folder / "house.log", self._environment()
        )
        child.start()
        wait_until("the house is kept", lambda: not child.runs, seconds=START_SECONDS)

    def look_at_processes(self) -> None:
        """Keep command lines, names and environments for the search at the end."""
        assert self.launcher._child
        for pid in processes(self.launcher._child.pid):
            for name in ("cmdline", "environ", "comm"):
                with suppress(OSError):
                    self.commands.add(Path(f"/proc/{pid}/{name}").read_bytes())
            with suppress(OSError):
                limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                line = next(line for line in limits.splitlines() if "core file" in line)
                self.cores[command] = " ".join(line.split()[4:6])

    def look_at_broker(self) -> None:
        """Keep every key and value of the broker."""
        with closing(redis.Redis(unix_socket_path=str(self.run_dir / "valkey.sock"))) as broker:
            for key in broker.scan_iter():
                kind = broker.type(key)
                read: dict[Any, Any] = {
                    b"list": lambda key: broker.lrange(key, 0, -1),
                    b"hash": broker.hgetall,
                    b"set": broker.smembers,
                    b"zset": lambda key: broker.zrange(key, 0, -1, withscores=True),
                    b"string": broker.get,
                }
                self.keys.append(key + repr(read[kind](key)).encode())

    def tables(self) -> dict[str, set[str]]:
        """Table -> canaries in its rows. FTS5's own tables count as their index."""
        hits: dict[str, set[str]] = {}
        with closing(sqlite3.connect(f"file:{self.data / 'db.sqlite3'}?mode=ro", uri=True)) as db:
            db.text_factory = bytes
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                table = name.decode()
                for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                    for value in row:
                        data = value if isinstance(value, bytes) else str(value).encode()
                        if places := found_in(data):
                            known = (
                                "ingest_lexical" if table.startswith("ingest_lexical") else table
                            )
                            hits.setdefault(known, set()).update(places)
        return hits


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    if missing := [path.name for path in NEEDED if not path.exists()]:
        pytest.skip(f"THE CANARY DID NOT FLY: fetch {', '.join(missing)} (manage.py models fetch)")
    product = Product(tmp_path_factory.mktemp("canary"))
    product.launcher.start()
    try:
        wait_until("the web process answers", lambda: ready(product), seconds=START_SECONDS)
        with closing(Journey(product)) as journey:
            journey.go()
        yield product
    finally:
        product.launcher.stop()
        sys.stdout.write(product.log.read_text(encoding="utf-8", errors="replace")[-4_000:])


def ready(product: Product) -> bool:
    assert product.launcher.runs, product.log.read_text(encoding="utf-8", errors="replace")[-4_000:]
    with suppress(httpx.HTTPError):
        return httpx.get(f"{product.base}/readyz", timeout=5).status_code == 200
    return False


class Journey:
    """Everything that people do, and everything that goes wrong meanwhile."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.admin = Person(product.base, "first@example.com", PASSWORD)
        self.ann = Person(
            product.base, f"{CANARIES['email']}@example.com", f"{CANARIES['password']} {LONG}"
        )
        self.collection = ""

    def go(self) -> None:
        self.people()
        self.documents()
        self.questions()
        self.refusals()
        self.product.look_at_processes()
        self.product.look_at_broker()
        self.locked_database()
        self.killed_worker()
        self.killed_models()
        self.officer()
        self.product.look_at_processes()
        self.product.look_at_broker()

    def close(self) -> None:
        self.admin.close()
        self.ann.close()

    def people(self) -> None:
        assert self.admin.sign_in().status_code == 200
        self.admin.with_token("admin")
        body = {
            "email": self.ann.email,
            "name": CANARIES["person"],
            "password": self.ann.password,
            "is_admin": True,
            "is_compliance": True,
        }
        made = self.admin.call("POST", "/users", json=body)
        group = {"name": CANARIES["group"], "members": [made["id"]]}
        self.admin.call("POST", "/groups", json=group)
        wrong = Person(self.product.base, self.ann.email, f"{CANARIES['password']} wrong")
        with closing(wrong):
            assert wrong.sign_in().status_code == 422
            login = {"email": wrong.email, "password": wrong.password}
            assert wrong.api.post("/tokens", json=login).status_code == 401
        assert self.ann.sign_in().status_code == 200
        self.ann.with_token(CANARIES["token"])

    def documents(self) -> None:
        body = {"name": CANARIES["collection"], "description": CANARIES["description"]}
        self.collection = self.ann.call("POST", "/collections", json=body)["id"]
        text = f"# Towers\n\nThe bell tower of Morwen has 91 bells, said {CANARIES['document']}.\n"
        first = self.put(f"{CANARIES['filename']}.md", text.encode())
        assert self.settled(first) == "ready"
        # Replaced by another version; then that version's own words.
        changed = text.replace("91", "93")
        second = self.put(f"{CANARIES['filename']}.md", changed.encode())
        assert self.settled(second) == "ready"
        broken = b"%PDF-1.7\n" + CANARIES["draft"].encode() + b"\n1 0 obj <<"
        assert self.settled(self.put(f"{CANARIES['filename']}.pdf", broken)) == "failed"
        refused = self.upload(f"{CANARIES['filename']}.exe", b"MZ\x90\0" + b"\1\2" * 400)
        assert refused["refused"]
        again = self.put("draft.md", f"# Draft\n\nUnripe {CANARIES['draft']} pears.".encode())
        assert self.settled(again) == "ready"
        for page in (
            "",
            f"/c?q={CANARIES['address']}",
            "/content",
            f"?quote={CANARIES['address']}",
        ):
            self.ann.web.get(f"/documents/{second}{page}")
        self.ann.call("DELETE", f"/documents/{again}")
        self.product.look_at_broker()

    def upload(self, name: str, data: bytes) -> Any:
        path = f"/collections/{self.collection}/documents"
        form = {"path": f"{CANARIES['folder']}/2026"}
        return self.ann.call("POST", path, files={"file": (name, data)}, data=form)

    def put(self, name: str, data: bytes) -> str:
        return str(self.upload(name, data)["documents"][0]["id"])

    def settled(self, pk: str, seconds: float = START_SECONDS) -> str:
        state = {"status": ""}

        def over() -> bool:
            state.update(self.ann.call("GET", f"/documents/{pk}"))
            return state["status"] in ("ready", "failed")

        wait_until("the document is read", over, seconds=seconds, every=0.5)
        return state["status"]

    def questions(self) -> None:
        asked = f"How many bells has the tower of Morwen, {CANARIES['question']}?"
        body = {"question": asked, "stream": False, "collections": [self.collection]}
        answer = self.ann.call("POST", "/answers", json=body)
        extractive = self.ann.call("POST", "/answers", json=body | {"model": "extractive"})
        assert CANARIES["document"] in extractive["text"] or extractive["passages"]
        hidden = body | {"question": f"Bells of Morwen, {CANARIES['unstored']}?", "store": False}
        self.ann.call("POST", "/answers", json=hidden)
        self.ann.call("POST", "/search", json={"query": f"tower {CANARIES['search']}"})
        opinion = {"rating": -1, "comment": CANARIES["comment"], "reason": "wrong"}
        self.ann.call("POST", f"/answers/{answer['answer']}/feedback", json=opinion)
        talk = answer["conversation"]
        self.ann.web.get(f"/c/{talk}")
        for form in ("md", "json"):
            self.ann.api.get(f"/conversations/{talk}/export?format={form}")
        self.ann.post("/accounts/data", {})
        page = self.ann.post("/ask", {"question": asked, "collections": self.collection})
        stream = re.search(r"/answers/[0-9a-f-]{36}/stream", page.text)
        assert stream, page.status_code
        with self.ann.web.stream("GET", stream[0]) as events:
            next(events.iter_lines())  # and away

    def refusals(self) -> None:
        """What a slip, a stranger or an attacker sends."""
        web, api = self.ann.web, self.ann.api
        address, body, header = CANARIES["address"], CANARIES["body"], CANARIES["header"]
        login = {"email": f"{body}@example.com", "password": CANARIES["password"]}
        statuses = [
            web.get(f"/nothing/{address}?q={address}").status_code,
            web.get(f"/api/v1/nothing/{address}").status_code,
            web.get(f"/documents/{address}").status_code,
            web.post("/ask", data={"question": body}).status_code,  # no CSRF token
            api.post("/answers", content=b'{"question": "' + body.encode()).status_code,
            api.post("/answers", json={"question": [body]}).status_code,
            api.post(
                "/answers", json={"question": CANARIES["question"], "stream": False, body: 1}
            ).status_code,
            api.post("/answers", json={"question": f"{body} " * 2_000}).status_code,
            api.post("/search", content=body.encode() * 200_000).status_code,
            api.post("/tokens", json=login).status_code,
            api.get("/me", headers={"Authorization": f"Bearer sv_{header}"}).status_code,
            api.get(
                "/me", headers={"User-Agent": header, "Referer": f"http://x/{header}"}
            ).status_code,
            web.get("/", headers={"Host": f"{header}.example.com"}).status_code,
            httpx.get(
                f"{self.product.base}/", headers={"Cookie": f"sessionid={header}"}
            ).status_code,
            web.get(f"/accounts/link/{address}/").status_code,
            web.request("BREW", f"/c/{address}").status_code,
        ]
        assert {200, 400, 401, 403, 404, 413, 422} <= set(statuses), statuses
        document = {"document-uri": f"{self.product.base}/{CANARIES['browser']}"}
        report = {"csp-report": document | {"violated-directive": CANARIES["browser"]}}
        kind = {"Content-Type": "application/csp-report"}
        statuses.append(web.post("/browser-reports", json=report, headers=kind).status_code)
        assert statuses[-1] < 300
        for raw in (
            f"NONSENSE {address}\r\n\r\n",
            f"GET /{address} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {header}\r\n\r\n",
            f"POST /ask HTTP/1.1\r\nHost: {header}\r\nContent-Length: 99\r\n\r\n{body}",
        ):
            with closing(socket.create_connection(("127.0.0.1", self.product.port), 10)) as wire:
                wire.sendall(raw.encode())
                with suppress(OSError):
                    wire.settimeout(2)
                    wire.recv(4_096)

    def locked_database(self) -> None:
        """Another program holds the database for longer than anybody waits: a real 500."""
        with closing(sqlite3.connect(self.product.data / "db.sqlite3", timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = self.ann.post(
                "/ask", {"question": CANARIES["question"], "collections": self.collection}
            )
            other.rollback()
        assert answer.status_code == 500
        assert found_in(answer.content) == set()

    def killed_worker(self) -> None:
        lines = "\n\n".join(f"{n} pears of {CANARIES['draft']} are ripe." for n in range(9_000))
        pk = self.put(f"{CANARIES['filename']}-long.txt", lines.encode())

        def working() -> bool:
            return bool(self.ann.call("GET", f"/documents/{pk}")["status"] == "processing")

        wait_until("the worker has it", working, seconds=START_SECONDS, every=0.05)
        self.product.look_at_processes()
        for pid in self.product.process("celery"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.ann.call("DELETE", f"/documents/{pk}")

    def killed_models(self) -> None:
        """In the middle of an answer."""
        body = {"question": f"How many bells, {CANARIES['question']}?", "stream": True}
        with self.ann.api.stream("POST", "/answers", json=body) as events:
            lines = events.iter_lines()
            for line in lines:
                if line.startswith("event: sources"):
                    break
            for pid in self.product.process("inference.server"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for _line in lines:
                pass

    def officer(self) -> None:
        """What leaves by the officer's doors: reports, the record, its exports."""
        wait_until("the product recovers", lambda: ready(self.product), seconds=START_SECONDS)
        self.ann.sign_in()
        self.ann.post("/compliance/retention/apply", {})
        # One that began by itself may be under way still: then this one is refused, and that one counts.
        self.ann.post("/compliance/prove", {})
        proof = lambda: self.ann.api.get("/audit/proof").is_success  # noqa: E731
        wait_until("there is a proof", proof, seconds=START_SECONDS)
        self.ann.post("/compliance/reports", {})
        for path in (
            *("/compliance/", "/compliance/record", "/compliance/timeline", "/compliance/access"),
            *("/compliance/retention", "/compliance/holds"),
            *("/livez", "/readyz", "/metrics", "/api/v1/openapi.json"),
        ):
            self.product.answers.append(self.ann.web.get(path).content)
        for path in (
            *("state", "verify", "proof", "reports"),
            *(f"export?format={form}" for form in ("jsonl", "csv", "cef")),
        ):
            answer = self.ann.api.get(f"/audit/{path}")
            assert answer.is_success, path
            self.product.answers.append(answer.content)
        for report in self.ann.api.get("/audit/reports").json():
            self.product.answers.append(self.ann.api.get(f"/audit/reports/{report['id']}").content)


def other_files(product: Product) -> list[Path]:
    """Every file of the installation but the database itself."""
    places = [product.data, product.run_dir, product.temporary]
    files = {file for place in places for file in place.rglob("*")}
    return sorted(file for file in files if not file.name.startswith("db.sqlite3"))


def test_content_is_where_it_must_be_and_in_no_other_table(product: Product) -> None:
    hits = product.tables()
    for table, places in hits.items():
        assert places <= TABLES.get(table, set()), f"{table}: {places}"
    for place in ("document", "filename", "folder", "collection", "question", "comment", "email"):
        assert any(place in places for places in hits.values()), f"the journey lost {place}"


def test_the_record_holds_no_word(product: Product) -> None:
    assert "audit_entry" not in product.tables()


def test_no_log_holds_a_word(product: Product) -> None:
    logs = list((product.data / "logs").rglob("*"))
    assert {"web.log", "worker.log", "models.log", "valkey.log"} <= {log.name for log in logs}
    assert found_in_files([*logs, product.log]) == {}


def test_no_other_file_holds_a_word(product: Product) -> None:
    """Originals, vectors, broker, evidence, wall, sockets' folder, temporary files."""
    files = other_files(product)
    assert any("chroma" in file.parts for file in files)
    assert any("broker" in file.parts for file in files)
    assert any("originals" in file.parts for file in files)
    assert found_in_files(files) == {}


def test_no_message_of_the_broker_holds_a_word(product: Product) -> None:
    assert product.keys
    assert set().union(*(found_in(key) for key in product.keys)) == set()


def test_no_process_tells_a_word(product: Product) -> None:
    """Command lines, names and environments, which other users of the machine may see."""
    assert len(product.commands) > 10
    assert set().union(*(found_in(line) for line in product.commands)) == set()


def test_officers_pages_and_exports_hold_no_words_of_content(product: Product) -> None:
    """Names of people and collections may be shown to an officer; what they wrote may not."""
    told = set().union(*(found_in(answer) for answer in product.answers))
    assert told <= {"email", "person", "collection"}


def test_no_crash_would_write_a_core(product: Product) -> None:
    """Of those that hold words: not the launcher, which does not."""
    words = ("uvicorn", "celery", "inference.server", "chroma run", "valkey")
    seen = {word: limit for word in words for line, limit in product.cores.items() if word in line}
    assert seen == dict.fromkeys(words, "0 0")


def test_no_core_dump_lies_about(product: Product) -> None:
    cores = [*Path(settings.BASE_DIR).glob("core*"), *product.folder.rglob("core.[0-9]*")]
    assert [file for file in cores if file.is_file()] == []


def test_no_temporary_file_is_left(product: Product) -> None:
    left = [file for file in product.temporary.rglob("*") if file.is_file()]
    assert found_in_files(left) == {}
    assert not list((product.data / "documents" / "incoming").glob("*"))


def test_what_was_erased_is_gone_from_the_database_file(product: Product) -> None:
    """Not only from its rows: free pages and the log of writes keep old bytes, if nobody cleans."""

    def gone() -> bool:
        return "draft" not in set().union(*product.tables().values())

    wait_until("the erasures are done", gone, seconds=START_SECONDS, every=1)
    product.keep_house()
    files = [file for file in product.data.glob("db.sqlite3*") if file.is_file()]
    left = {path: places & {"draft"} for path, places in found_in_files(files).items()}
    assert {path: places for path, places in left.items() if places} == {}
