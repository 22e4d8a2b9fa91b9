"""The main job with nothing replaced: the launcher's processes, the real embedder, the real small
chat model, a Celery worker, Chroma, and a browser that a newcomer holds.

The small model writes poor answers, so its words are not judged; that they stream after the
sources, are kept, and never point to nothing, is.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch, browser  # noqa: F401 (Debian's Chromium)
from tests.browser.test_documents import drop, new_collection, pdf
from tests.live import Process, free_port, wait_until

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.timeout(900)]

MODEL = "smollm2-135m-instruct"
PASSWORD = "seventeen quiet lanterns"
QUESTION = "How many days of annual leave do I have?"
NEEDED = [settings.MODELS_DIR / MODEL, settings.MODELS_DIR / "multilingual-e5-small"]
#: Three processes load models and libraries on two cores that other tests use as well.
START_SECONDS = 240
READY_SECONDS = 180_000
#: One of each format. The whole handbook takes the real embedder more than a minute of both cores.
SAMPLES = (
    *("people/annual-leave.md", "people/remote-work.docx", "travel/travel-and-expenses.pdf"),
    *("it/information-security.html", "office/emergency-contacts.txt", "office/visitor-notice.png"),
)


def some_samples(folder: Path) -> None:
    """Where tests/e2e/settings.py looks for them."""
    for name in SAMPLES:
        to = folder / "var" / "samples" / "handbook" / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(settings.SAMPLES_DIR) / "handbook" / name, to)


@pytest.fixture(
    scope="module",
    params=["tests.e2e.settings", pytest.param("sovereign.settings", marks=pytest.mark.long)],
    ids=["some", "all"],
)
def link(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The one-time link that the launcher prints, of a product that has nothing yet.

    Everything is the product's own; only `all` has the whole sample handbook, and takes minutes.
    """
    if missing := [path.name for path in NEEDED if not path.exists()]:
        pytest.skip(
            f"THE MAIN JOB DID NOT RUN: fetch {', '.join(missing)} (manage.py models fetch)"
        )
    folder = tmp_path_factory.mktemp("main-job")
    some_samples(folder)
    log = folder / "launcher.log"
    environment = {
        "DJANGO_SETTINGS_MODULE": request.param,
        "SOVEREIGN_DATA_DIR": str(folder / "var"),
        "SOVEREIGN_LISTEN": f"127.0.0.1:{free_port()}",
        "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
        "SOVEREIGN_CHAT_MODEL": MODEL,
        "PYTHONUNBUFFERED": "1",
    }
    launcher = Process([sys.executable, "-m", "sovereign.launcher"], log, environment)
    launcher.start()
    try:
        wait_until("the launcher prints the link", lambda: printed(log), seconds=START_SECONDS)
        yield printed(log)
    finally:
        sys.stdout.write(log.read_text(encoding="utf-8"))
        launcher.stop()


def printed(log: Path) -> str:
    found = re.search(r"http://\S+/accounts/link/\S+", log.read_text(encoding="utf-8"))
    return found[0] if found else ""


@pytest.fixture(scope="module")
def page(link: str, browser: Browser) -> Iterator[Page]:  # noqa: F811 (the fixture)
    """A newcomer's browser; nothing may leave for another origin, nothing may be complained of."""
    origin = link.split("/accounts/")[0]
    watch = Watch(origin)
    context = browser.new_context(base_url=origin, locale="en-GB")
    context.set_default_timeout(60_000)
    context.on("page", watch.over)
    yield context.new_page()
    context.close()
    assert not watch.faults


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_the_link_makes_the_first_administrator(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("E-mail").fill("first@example.com")
    page.get_by_label("Name").fill("First")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button").last.click()
    sign_in = page.get_by_role("button", name="Sign in")
    # The page that comes may not have begun.
    expect(page.get_by_label("Your question").or_(sign_in).first).to_be_visible()
    if sign_in.count():
        page.get_by_label("E-mail").fill("first@example.com")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        sign_in.click()
    expect(page.get_by_label("Your question")).to_be_visible()


def test_the_sample_collection_becomes_ready(page: Page) -> None:
    sample = page.get_by_role("link", name="Sample handbook").first

    def shown() -> bool:
        page.goto("/collections")
        return sample.is_visible()

    # It is loaded while the newcomer opens the link and types.
    wait_until("the sample collection is listed", shown, seconds=START_SECONDS, every=1)
    sample.click()
    expect(page.locator("tbody tr", has_text="annual-leave.md")).to_contain_text(
        "Ready", timeout=READY_SECONDS
    )
    expect(page.get_by_text("Failed", exact=True).locator("visible=true")).to_have_count(0)


def test_sources_come_before_the_answer_and_the_answer_is_kept(page: Page) -> None:
    page.goto("/")
    ask(page, QUESTION)
    answer = page.locator(".answer").last
    expect(answer.locator(".source").first).to_contain_text(
        "annual-leave.md", timeout=READY_SECONDS
    )
    finished = page.locator(".answer:not([data-stream])")
    expect(finished).to_be_visible(timeout=READY_SECONDS)
    numbers = {text.strip() for text in finished.locator(".source .n").all_inner_texts()}
    chips = {text.strip() for text in finished.locator(".prose .chip").all_inner_texts()}
    assert chips <= numbers, "a chip that points to nothing"
    page.reload()
    expect(page.locator(".answer").last.locator(".source").first).to_contain_text("annual-leave.md")


def test_a_pdf_of_ones_own_is_found(page: Page) -> None:
    new_collection(page, "Tower")
    data = pdf("The bell tower of Morwen has ninety-one bells and a keeper.")
    drop(page, "bells.pdf", "application/pdf", data)
    expect(page.locator("tr", has_text="bells.pdf")).to_contain_text("Ready", timeout=READY_SECONDS)
    page.goto("/")
    ask(page, "How many bells has the bell tower of Morwen?")
    source = page.locator(".answer").last.locator(".source").first
    expect(source).to_contain_text("bells.pdf", timeout=READY_SECONDS)
    expect(page.locator(".answer:not([data-stream])")).to_be_visible(timeout=READY_SECONDS)


def test_nothing_of_it_is_in_the_logs(
    page: Page, link: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    logs = [
        path
        for path in tmp_path_factory.getbasetemp().glob("main-job*/var/logs/*")
        if path.is_file()
    ]
    assert logs
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        for secret in ("annual leave do I have", "bells.pdf", "ninety-one", PASSWORD):
            assert secret not in text, f"{secret!r} in {path.name}"
    assert (logs[0].parent.parent / "secrets" / "secret_key").stat().st_mode & 0o777 == 0o600
