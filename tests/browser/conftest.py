"""A running product and Debian's Chromium; every page is watched for what it must never do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
)

from tests.live import Process, answers, chroma, free_port, wait_until
from tests.people import PASSWORD

# A busy machine is slow, not wrong.
expect.set_options(timeout=60_000)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Where pictures of the pages go; `SOVEREIGN_TEST_PICTURES` keeps them.
PICTURES = "SOVEREIGN_TEST_PICTURES"


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("browser")
    vectors, url = chroma(folder)
    port = free_port()
    environment = {
        "SOVEREIGN_TEST_BROWSER_DIR": str(folder / "data"),
        "SOVEREIGN_TEST_CHROMA_URL": url,
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
    }
    command = [sys.executable, "-m", "tests.browser.server", str(port)]
    server = Process(command, folder / "server.log", environment)
    server.start()
    try:
        wait_until("the server answers", lambda: answers(("127.0.0.1", port)), seconds=240)
        yield f"http://127.0.0.1:{port}"
    finally:
        # pytest shows it beside a test that failed.
        sys.stdout.write((folder / "server.log").read_text(encoding="utf-8"))
        server.stop()
        vectors.stop()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("NO BROWSER TEST RAN: Chromium is not installed (apt install chromium)")
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()


class Watch:
    """What went wrong on the pages of one test."""

    def __init__(self, base_url: str) -> None:
        self.host = urlsplit(base_url).netloc
        self.faults: list[str] = []
        #: Console errors that a test brings about on purpose contain one of these.
        self.allowed: list[str] = []
        #: How faults begin that a test brings about on purpose, and that may be told only when it ends.
        self.forgiven: tuple[str, ...] = ()

    def requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.faults.append(f"request to another origin: {request.url}")

    def said(self, message: ConsoleMessage) -> None:
        """Chromium reports violations of the policy as console errors too."""
        if message.type not in ("error", "warning"):
            return
        if not any(words in message.text for words in self.allowed):
            self.faults.append(f"console {message.type}: {message.text}")

    def over(self, page: Page) -> None:
        page.on("request", self.requested)
        page.on("console", self.said)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))


@pytest.fixture
def watch(base_url: str) -> Iterator[Watch]:
    watch = Watch(base_url)
    yield watch
    assert not [fault for fault in watch.faults if not fault.startswith(watch.forgiven or "\0")]


@pytest.fixture
def open_context(
    browser: Browser, base_url: str, watch: Watch
) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        options.setdefault("viewport", {"width": 1280, "height": 860})
        options.setdefault("locale", "en-GB")
        context = browser.new_context(base_url=base_url, **options)
        context.set_default_timeout(60_000)
        context.on("page", watch.over)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """The cookies of those who have signed in once, by name."""
    return {}


@pytest.fixture
def sign_in(
    open_context: Callable[..., BrowserContext], sessions: dict[str, Any]
) -> Callable[..., Page]:
    """`sign_in("alice", viewport=...)`: the Ask page of a person who is signed in."""

    def make(name: str, **options: Any) -> Page:
        page = open_context(storage_state=sessions.get(name), **options).new_page()
        page.goto("/")
        if name not in sessions:
            page.get_by_label("E-mail").fill(f"{name}@example.com")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_label("Your question")).to_be_visible()
            page.wait_for_load_state("load")
            sessions[name] = page.context.storage_state()
        return page

    return make


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], Path]:
    folder = Path(os.environ.get(PICTURES, tmp_path))

    def take(page: Page, name: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        # Hiding the caret, the default, is an inline style that our policy refuses.
        page.screenshot(path=path, caret="initial")
        assert path.stat().st_size > 1_000
        return path

    return take
