"""The small real model, through the models process: what is counted is what its engine reports."""

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from django.conf import settings

from chat.tally import Tally, counted
from inference.client import HttpClient
from inference.protocol import ChatMessage, Sampling
from inference.wire import Wire
from tests.live import Process, wait_until

pytestmark = [pytest.mark.live, pytest.mark.long]
MODEL = "smollm2-135m-instruct"
WATTS = 30.0
PROMPT = [ChatMessage("user", "Passages about the sea. " * 30 + "Tell a story of a lighthouse.")]


class Running(NamedTuple):
    client: HttpClient
    socket: str

    def counted(self) -> dict[str, float]:
        """Tokens as the process itself counts them."""
        transport = httpx.HTTPTransport(uds=self.socket)
        with httpx.Client(transport=transport, base_url="http://models", timeout=120) as client:
            text = client.get("/metrics").text
        found = re.findall(r'^sovereign_tokens_total\{kind="(\w+)"\} ([\d.]+)', text, re.MULTILINE)
        return {kind: float(value) for kind, value in found}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if not (settings.MODELS_DIR / MODEL).exists():
        pytest.skip(f"NOT TESTED: fetch {MODEL} (manage.py models fetch)")
    folder = tmp_path_factory.mktemp("m")
    socket = str(folder / "m.sock")
    environment = {
        "SOVEREIGN_DATA_DIR": str(folder / "var"),
        "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
        "SOVEREIGN_MODELS_URL": f"unix:{socket}",
        "SOVEREIGN_CHAT_MODEL": MODEL,
        "SOVEREIGN_PARALLEL": "4",
        "SOVEREIGN_WATTS": str(WATTS),
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
    }
    process = Process([sys.executable, "-m", "inference.server"], Path(folder / "log"), environment)
    process.start()
    client = HttpClient(Wire(f"unix:{socket}"))
    try:
        wait_until("the model is there", lambda: _ready(client), seconds=240)
        yield Running(client, socket)
    finally:
        process.stop()


def _ready(client: HttpClient) -> bool:
    try:
        return bool(client.models())
    except Exception:  # noqa: BLE001 (it is not there yet)
        return False


def ask(client: HttpClient, tally: Tally, tokens: int, pieces: int = 10_000) -> None:
    sampling = Sampling(max_tokens=tokens, temperature=0.8, seed=len(PROMPT))
    with closing(counted(client, tally).chat(PROMPT, sampling)) as said:
        for number, _piece in enumerate(said, 1):
            if number >= pieces:
                return


def test_tokens_and_seconds_are_those_of_the_engine(running: Running) -> None:
    before, began, tally = running.counted(), time.monotonic(), Tally()
    ask(running.client, tally, 1)
    ask(running.client, tally, 48)
    wall, both = time.monotonic() - began, (tally.look, tally.text)
    written = sum(stage.written for stage in both)

    def new() -> dict[str, float]:
        return {kind: now - before.get(kind, 0) for kind, now in running.counted().items()}

    # The process counts when the last word is on its way already.
    wait_until("both are counted", lambda: new().get("written", 0) >= written)
    counts = new()
    assert sum(stage.prompt for stage in both) == counts["read"] + counts["reused"]
    assert sum(stage.cached for stage in both) == counts["reused"]
    assert written == counts["written"] == 1 + tally.text.written
    seconds = sum(stage.reading + stage.writing for stage in both)
    assert 0 < seconds <= wall
    assert tally.known in ("setting", "rapl"), "a machine may let its counters be read"
    if tally.known == "setting":
        assert tally.watt_hours == pytest.approx(WATTS * seconds / 3_600, rel=0.05)
    told = f"{tally} in {wall:.2f} s, {counts}"
    print(told)  # noqa: T201


def test_those_at_once_share_what_the_machine_uses(running: Running) -> None:
    tallies = [Tally() for _ in range(4)]
    threads = [threading.Thread(target=ask, args=(running.client, each, 48)) for each in tallies]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - began
    joules = sum(each.text.joules for each in tallies)
    alone = sum(each.text.reading + each.text.writing for each in tallies)
    if tallies[0].known == "setting":
        assert joules <= WATTS * wall * 1.02, "not each the whole"
        assert (
            joules >= WATTS * max(each.text.reading + each.text.writing for each in tallies) * 0.9
        )
    print(f"{joules:.1f} J in {wall:.2f} s; added up they took {alone:.2f} s")  # noqa: T201


def test_one_that_is_stopped_is_counted_by_what_came(running: Running) -> None:
    tally = Tally()
    ask(running.client, tally, 200, pieces=30)
    assert 1 <= tally.text.written <= 30
    assert tally.text.joules > 0
