"""Two of our own models processes with the small real model, as replicas of each other."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from django.conf import settings

from inference.errors import ModelError
from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from inference.registry import Registry
from inference.remote import RemoteEngine, Servers, connect
from tests.inference.parts import wait_for

pytestmark = [pytest.mark.live, pytest.mark.long]
SMALL = "smollm2-135m-instruct"


class Process:
    """`python -m inference.server` on loopback."""

    def __init__(self, held: ExitStack, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        folder.mkdir()
        about = {
            "DJANGO_SETTINGS_MODULE": "sovereign.settings",
            "SOVEREIGN_DATA_DIR": str(folder),
            "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
            "SOVEREIGN_MODELS_URL": self.url,
            "SOVEREIGN_CHAT_MODEL": SMALL,
            "SOVEREIGN_PARALLEL": "4",
            "SOVEREIGN_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "inference.server"], env=os.environ | about
        )
        held.callback(self._process.wait)
        held.callback(self.kill)

    def kill(self) -> None:
        self._process.kill()


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _connected(held: ExitStack, urls: list[str]) -> RemoteEngine:
    """Once all of them have loaded their model."""
    found: list[RemoteEngine] = []

    def all_ready() -> bool:
        time.sleep(1.0)
        try:
            engine = connect(Servers(urls), model=SMALL, context=1024)
        except ModelError:
            return False
        if any(each["state"] != "ready" for each in engine.describe()):
            engine.close()
            return False
        found.append(engine)
        return True

    wait_for(all_ready, 240.0)
    return held.enter_context(closing(found[0]))


def test_a_replica_is_killed_while_both_answer(held: ExitStack, tmp_path: Path) -> None:
    registry = Registry(settings.MODELS_DIR)
    try:
        registry.verify(registry.get(SMALL))
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    processes = [Process(held, tmp_path / name) for name in ("one", "two")]
    engine = _connected(held, [each.url for each in processes])
    assert engine.parallel == 8 and engine.info.context == 1024
    ends: list[str] = []
    begun = threading.Semaphore(0)

    def ask(number: int) -> None:
        messages = [ChatMessage("user", f"Question {number}: name {number + 2} colours.")]
        text = ""
        try:
            for piece in engine.chat(messages, Sampling(max_tokens=48)):
                if piece.text and not text:
                    begun.release()
                text += piece.text
                if piece.finish:
                    ends.append(piece.finish)
        except ModelsUnavailable as error:
            ends.append(error.code)
        finally:
            begun.release()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=120)
    processes[0].kill()
    for thread in threads:
        thread.join(timeout=240)
    said = {end: ends.count(end) for end in ends}
    print(said, engine.describe(), engine.replicas.retries)  # noqa: T201
    assert len(ends) == 12 and set(ends) <= {"stop", "length", "models-lost"}
    assert said.get("models-lost", 0) <= 6, "those alone that had begun there"
    assert [each["state"] for each in engine.describe()] == ["away", "ready"]
    ends.clear()
    ask(1)
    assert ends[0] in ("stop", "length")
