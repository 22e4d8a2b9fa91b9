"""The browser's wall: hostile documents, answers and names open, and not one request elsewhere."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import hostile
from tests.browser.conftest import Watch
from tests.browser.listener import Listener, listening
from tests.browser.test_ask import ANSWERED, ask
from tests.browser.test_documents import new_collection

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(900)]

#: Long enough for a request that was begun to arrive on this machine.
SETTLE = 400
MOST_PAGES = 60
NAME = '<img src=x onerror="window.pwned=17">'

#: Some of hostile.WAYS, one of each kind: what the browser does where no wall is.
SEEN = ["fetch", "beacon", "websocket", "image", "css", "iframe", "form", "webrtc", "ping", "cache"]

#: For a frame or a form Chromium opens a connection before it asks the policy, and sends nothing over
#: it: docs/wall.md says so.
CONNECTS = ["iframe", "form"]

ELEMENT = """window.element = (name, values) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(values)) {
    if (key === "text") made.text = value;
    else made.setAttribute(key, value);
  }
  document.body.append(made);
  return made;
};"""


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def at_rest(page: Page) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLE)


def untouched(page: Page, elsewhere: Listener) -> None:
    assert page.evaluate("window.pwned") is None, page.url
    assert elsewhere.arrived == [], page.url


def network(page: Page, base_url: str) -> list[str]:
    """Requests to other origins as Chromium's own network events have them, workers' and pings' too."""
    found: list[str] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def sent(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if not url.startswith((base_url, "data:", "blob:")):
            found.append(url)

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.webSocketCreated", lambda event: found.append(event["url"]))
    session.on("Network.webTransportCreated", lambda event: found.append(event["url"]))
    return found


def crawl(page: Page, base_url: str, *starts: str) -> Iterator[str]:
    """Every page that links lead to, each opened once; of those that differ by an id, the first ten."""
    waiting, seen, kinds = list(starts), set(starts), dict[str, int]()
    while waiting and len(seen) <= MOST_PAGES * 4 and sum(kinds.values()) < MOST_PAGES:
        address = waiting.pop(0)
        kind = re.sub(r"[0-9a-f-]{36}|\?.*", "*", address)
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = page.goto(address)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        yield address
        for link in page.evaluate("[...document.links].map((link) => link.href)"):
            target = link.removeprefix(base_url).partition("#")[0]
            kind = re.sub(r"[0-9a-f-]{36}|\?.*", "*", target)
            wanted = link.startswith(base_url) and not target.startswith("/api/v1/")
            downloads = re.search(
                r"/(original|content|export|file|bill|data|pdf)(\?.*)?$|\.\w+$", target
            )
            if wanted and not downloads and target not in seen and kinds.get(kind, 0) < 10:
                seen.add(target)
                waiting.append(target)


def upload(page: Page, elsewhere: Listener) -> None:
    """A hostile text and a hostile page, under hostile names, in a collection with such a name."""
    new_collection(page, NAME)
    files = {
        "rules.txt": hostile.text(elsewhere.origin),
        "rules.md": "# Rules\n\n" + hostile.text(elsewhere.origin),
        "rules<img src=x onerror=window.pwned=18>.html": hostile.page(elsewhere.origin),
    }
    for name, data in files.items():
        payload: Any = {"name": name, "mimeType": "text/plain", "buffer": data.encode()}
        page.locator("#files").set_input_files([payload])
    expect(page.locator("tr", has_text="Ready")).to_have_count(len(files), timeout=60_000)


class Bare(BaseHTTPRequestHandler):
    """A page without any policy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Bare</title><p>Bare")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def attempt(page: Page, way: str, elsewhere: Listener) -> None:
    script = hostile.WAYS[way].replace("ORIGIN", elsewhere.origin)
    script = script.replace("UDP", elsewhere.origin.removeprefix("http://"))
    page.evaluate(ELEMENT + "0")
    page.evaluate(f"(() => {{ try {{ void ({script}) }} catch {{ return 0; }} }})()")
    at_rest(page)


@pytest.mark.parametrize("way", SEEN)
def test_without_a_policy_it_arrives(
    browser: Browser, bare: str, elsewhere: Listener, way: str
) -> None:
    """Without this, nothing arriving from our pages would prove nothing."""
    page = browser.new_page()
    page.goto(bare)
    attempt(page, way, elsewhere)
    for _ in range(240):
        if elsewhere.arrived:
            break
        page.wait_for_timeout(250)
    page.close()
    assert elsewhere.arrived


def test_hostile_documents_and_answers_send_nothing_from_any_page(
    sign_in: Callable[..., Page], base_url: str, elsewhere: Listener
) -> None:
    page = sign_in("alice")
    sent = network(page, base_url)
    upload(page, elsewhere)
    page.goto("/")
    for n in (0, 2, 19, 24):
        ask(page, f"What does harbour rule {n} of Morwen say?")
        expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
        at_rest(page)
        untouched(page, elsewhere)
    expect(page.locator("#thread")).to_contain_text("onerror=window.pwned")
    for _ in crawl(page, base_url, "/", "/collections"):
        at_rest(page)
        untouched(page, elsewhere)
    assert sent == []


@pytest.mark.parametrize(
    ("name", "start"),
    [("alice", "/collections"), ("dana", "/accounts/users/"), ("olga", "/compliance/")],
)
def test_every_page_in_normal_use_breaks_no_rule_of_its_own(
    sign_in: Callable[..., Page], base_url: str, name: str, start: str
) -> None:
    """Watch fails the test at any violation, of Trusted Types too."""
    page = sign_in(name)
    sent = network(page, base_url)
    opened = list(crawl(page, base_url, "/", "/accounts/profile/", start))
    assert len(opened) >= 4 and sent == []


@pytest.mark.parametrize("line", hostile.LINES)
def test_a_fragment_that_nobody_escaped_is_made_harmless(
    sign_in: Callable[..., Page], base_url: str, elsewhere: Listener, watch: Watch, line: str
) -> None:
    """As if a template had forgotten to escape: through the policy, as htmx gets its fragments."""
    # DOMPurify parses what it is given in a document that runs nothing, under the same policy.
    watch.allowed += ["Left out of a part of this page", "violates the following"]
    page = sign_in("alice")
    sent = network(page, base_url)
    page.evaluate(
        """(text) => {
          const box = document.createElement("div");
          document.body.append(box);
          box.innerHTML = text;
          htmx.swap(box, text, { swapStyle: "beforeend" });
        }""",
        line.replace("ORIGIN", elsewhere.origin),
    )
    at_rest(page)
    untouched(page, elsewhere)
    assert sent == []
    left = page.evaluate(
        """(origin) => [...document.querySelectorAll("main ~ div *")].flatMap((element) =>
          [...element.attributes].filter(({ name, value }) =>
            name.startsWith("on") || (value.includes(origin) && !/^data-/.test(name)) ||
            /^\\s*javascript:/i.test(value)).map(({ name }) => `${element.localName} ${name}`))""",
        elsewhere.origin,
    )
    assert left == []


def forgive_refused(watch: Watch, elsewhere: Listener) -> None:
    """A request that the policy refuses is told to Playwright as one that failed; none was sent."""
    where = (elsewhere.origin, elsewhere.origin.replace("http", "ws"))
    told = [f"request to another origin: {origin}" for origin in where]
    watch.forgiven = (*told, "script: Failed to fetch")


@pytest.mark.parametrize("way", hostile.WAYS)
def test_even_a_script_in_the_page_reaches_nobody(
    sign_in: Callable[..., Page], elsewhere: Listener, watch: Watch, way: str
) -> None:
    watch.allowed += [
        "violates the following",
        "Content Security Policy",
        "Refused to",
        "Failed to",
        "Left out of a part",
        "Trusted",
        "ERR_",
        "could not be loaded",
    ]
    page = sign_in("alice")
    watch.faults.clear()
    attempt(page, way, elsewhere)
    assert [what for what in elsewhere.arrived if what != "connection"] == []
    assert way in CONNECTS or elsewhere.arrived == []
    forgive_refused(watch, elsewhere)


def test_what_a_browser_refused_is_in_the_record(
    sign_in: Callable[..., Page],
    open_context: Callable[..., BrowserContext],
    elsewhere: Listener,
    watch: Watch,
) -> None:
    watch.allowed += ["violates the following", "Content Security Policy"]
    page = sign_in("alice")
    page.evaluate(ELEMENT + f"element('img', {{src: '{elsewhere.origin}/a'}}); 0")
    at_rest(page)
    forgive_refused(watch, elsewhere)
    record = sign_in("olga")
    refused = record.locator("main a", has_text=re.compile("Refused by a browser"))
    # Reports of the tests before may come late, and stand first for a moment.
    for _ in range(40):
        record.goto("/compliance/record?action=wall.browser.refuse")
        if refused.count():
            refused.first.click()
            if record.locator("main").get_by_text("img-src").count():
                break
        record.wait_for_timeout(250)
    expect(record.locator("main")).to_contain_text("Refused by a browser")
    expect(record.locator("main")).to_contain_text("img-src")
