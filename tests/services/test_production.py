"""The production's entrypoints, with Debian's PostgreSQL and Redis, through HTTP alone.

The tests of this file share one running product and go on where the one before ended.
"""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.live import wait_until
from tests.services.production import EMAIL, Production
from tests.services.servers import Postgres

# The first of them waits for all services.
pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

CANARY = "kestrel-lantern-7731"
QUESTION = f"How many days of annual leave does the {CANARY} handbook give?"
TEXT = f"# Annual leave\n\nThe {CANARY} handbook gives 28 days of annual leave per year.\n"
LASTING = ["postgres", "redis", "chroma", "models", "web", "worker", "beat"]
CHUNKS = "SELECT document_id, count(*) FROM ingest_chunk GROUP BY 1"
INDEXED = "SELECT document, count(*) FROM ingest_lexical GROUP BY 1"
CONNECTIONS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = 'sovereign' AND pid <> pg_backend_pid()"
)
#: At rest. Whoever works has one; a worker gives it back while it reads a file.
MOST_CONNECTIONS = 2


def read(client: httpx.Client, address: str) -> Any:
    answer = client.get(f"/api/v1{address}")
    assert answer.status_code == 200, (address, answer.text)
    return answer.json()


def send(client: httpx.Client, address: str, body: Any) -> Any:
    answer = client.post(f"/api/v1{address}", json=body)
    assert answer.status_code in (200, 201, 202), (address, answer.text)
    return answer.json()


def upload(client: httpx.Client, collection: str, name: str, text: str) -> str:
    answer = client.post(
        f"/api/v1/collections/{collection}/documents", files={"file": (name, text.encode())}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["documents"][0]["id"])


def counted(database: Postgres, query: str) -> dict[str, int]:
    """How many rows each document has."""
    rows = [row.split("|") for row in database.sql(query)]
    return {document: int(count) for document, count in rows}


def until_ready(client: httpx.Client, document: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def settled() -> bool:
        found.update(read(client, f"/documents/{document}"))
        return found["status"] in ("ready", "failed")

    wait_until("the document is read", settled, 240, 0.2)
    assert found["status"] == "ready", found["error"]
    return found


@pytest.fixture(scope="module")
def collection(api: httpx.Client) -> str:
    return str(send(api, "/collections", {"name": "Handbook"})["id"])


@pytest.mark.parametrize("name", LASTING)
def test_the_health_check_of_compose_says_well(product: Production, name: str) -> None:
    product.until_healthy(name)


def test_prepare_again_changes_nothing(product: Production) -> None:
    before = product.database.sql("SELECT id, email FROM accounts_user")
    printed = product.run("prepare")
    assert "link" not in printed and len(before) == 1 and EMAIL in before[0]
    assert product.database.sql("SELECT id, email FROM accounts_user") == before


def test_an_administrator_sees_every_part(product: Production, api: httpx.Client) -> None:
    assert read(api, "/me")["is_admin"] is True
    with product.client() as stranger:
        assert stranger.get("/readyz").json() == {"status": "ok"}
        assert stranger.get("/api/v1/me").status_code == 401
        page = stranger.get("/accounts/sign-in/")
        assert page.status_code == 200
        style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert stranger.get(style).status_code == 200


def test_a_document_is_read_and_answers_rest_on_it(api: httpx.Client, collection: str) -> None:
    document = upload(api, collection, f"{CANARY}.md", TEXT)
    assert until_ready(api, document)["chunks"] == 1
    assert upload(api, collection, "again.md", TEXT) == document, "the same bytes"
    answer = send(api, "/answers", {"question": QUESTION, "stream": False})
    assert answer["status"] == "complete" and "28 days" in answer["text"]
    source = answer["passages"][answer["citations"][0]["n"] - 1]
    assert source["document"]["id"] == document
    kept = read(api, f"/conversations/{answer['conversation']}")
    assert CANARY in json.dumps(kept)


def test_an_answer_streams(api: httpx.Client, collection: str) -> None:
    with api.stream("POST", "/api/v1/answers", json={"question": QUESTION}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = list(answer.iter_lines())
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names[0] == "started" and names[-1] == "done"
    assert names.index("sources") < names.index("token")
    assert names.index("token") < names.index("citation")


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_search_finds_it(api: httpx.Client, collection: str, mode: str) -> None:
    found = send(api, "/search", {"query": f"{CANARY} leave", "mode": mode})
    assert [CANARY in passage["text"] for passage in found["passages"]] == [True]


def long_text(number: int) -> str:
    """Long enough to be interrupted: a worker is at it for some seconds."""
    parts = [
        f"## Rule {number}-{part}\n\n{f'In case {part} it is {number} days. ' * 30}"
        for part in range(150)
    ]
    return "\n\n".join([f"# Rules {number}", *parts])


def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    product: Production, api: httpx.Client, collection: str
) -> None:
    ids = [upload(api, collection, f"rules-{number}.md", long_text(number)) for number in range(3)]

    def at_work() -> list[str]:
        return [pk for pk in ids if read(api, f"/documents/{pk}")["status"] == "processing"]

    wait_until("one is being read", at_work, 240, 0.02)
    product.running["worker"].kill()
    assert at_work(), "killed too late"
    product.start("worker")
    found = [until_ready(api, pk) for pk in ids]
    database = product.database
    lost = database.sql("SELECT count(*) FROM ingest_document WHERE reading::text LIKE '%lost%'")
    assert int(lost[0]) > 0
    chunks, indexed = counted(database, CHUNKS), counted(database, INDEXED)
    for document in found:
        assert chunks[document["id"]] == indexed[document["id"]] == document["chunks"] > 100


def test_requests_leave_no_connection_open(product: Production, api: httpx.Client) -> None:
    """Also those that came at once, each of which had a thread and a connection."""
    asked = {"question": QUESTION, "store": False}
    with ThreadPoolExecutor(8) as pool:
        pages = [pool.submit(read, api, "/collections") for _ in range(64)]
        answers = [pool.submit(api.post, "/api/v1/answers", json=asked) for _ in range(16)]
        assert all(page.result()["items"] for page in pages)
        assert {answer.result().status_code for answer in answers} == {200}

    def at_rest() -> bool:
        return len(product.database.sql(CONNECTIONS)) <= MOST_CONNECTIONS

    wait_until("the connections are closed", at_rest, 60)


def test_an_erased_document_is_gone(
    product: Production, api: httpx.Client, collection: str
) -> None:
    documents = read(api, f"/collections/{collection}/documents?q={CANARY}")["items"]
    document = documents[0]["id"]
    answer = api.delete(f"/api/v1/documents/{document}")
    assert answer.status_code == 202, answer.text
    receipt = answer.json()["id"]
    assert api.get(f"/api/v1/documents/{document}/content").status_code == 404
    wait_until("it is erased", lambda: read(api, f"/receipts/{receipt}")["finished_at"], 240, 0.2)
    assert send(api, "/answers", {"question": QUESTION, "stream": False})["status"] == "abstained"
    assert document not in counted(product.database, CHUNKS)
    assert document not in counted(product.database, INDEXED)
    data = product.site.services["web"].mounts["/data"]
    assert not [file for file in data.rglob(document.replace("-", "")) if file.is_file()]


def test_every_container_answers_for_the_proof(product: Production, api: httpx.Client) -> None:
    """Each through its own socket in the folder that all of them share."""
    me = read(api, "/me")["id"]
    assert api.patch(f"/api/v1/users/{me}", json={"is_compliance": True}).status_code == 200
    with product.client() as officer:
        asked = {
            "email": EMAIL,
            "password": product.site.secret("admin_password"),
            "scopes": ["audit"],
        }
        token = send(officer, "/tokens", asked)["token"]
        officer.headers["Authorization"] = f"Bearer {token}"
        proof = send(officer, "/audit/proof", {})
        assert {"web", "worker", "beat", "models", "parser"} <= {
            each["name"] for each in proof["processes"]
        }
        assert proof["silent"] == []
        assert read(officer, "/audit/verify")["ok"] is True


def test_no_log_holds_what_was_said(
    product: Production, api: httpx.Client, collection: str
) -> None:
    """PostgreSQL too, which would write the values of a statement that failed."""
    upload(api, collection, f"{CANARY}-2.md", TEXT)
    logs = product.logs()
    assert {"web.log", "worker.log", "postgres.log", "redis.log", "chroma.log"} <= logs.keys()
    assert [name for name, text in logs.items() if CANARY in text] == []
    assert "Traceback" not in logs["web.log"] + logs["beat.log"]


def test_they_stop_when_asked_and_leave_nobody(product: Production) -> None:
    """In the order of compose: whoever needs others goes first."""
    codes = {}
    for service in reversed(product.site.order()):
        if service.name in product.running:
            codes[service.name] = product.stop(service.name)
    ended = {0, -signal.SIGTERM}
    assert {name: code for name, code in codes.items() if code not in ended} == {}
    assert set(codes) == set(LASTING) - {"postgres"}
    # Whoever hears of an end by a signal needs a moment to end itself.
    wait_until("nobody is left over", lambda: product.left_over() == [], 30)
    assert not (product.site.services["models"].mounts["/run/sovereign"] / "models.sock").exists()
