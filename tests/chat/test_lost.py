"""The models process is killed: who has nothing yet is answered all the same, the others are told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from django.conf import settings

from chat.generate import LOST, Voice
from inference.client import HttpClient
from inference.errors import ModelError
from inference.fake import FakeClient
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling
from inference.registry import Registry
from inference.wire import Wire
from tests.inference.parts import wait_for

ASK = [
    ChatMessage("user", "[1] Leave is thirty days a year.\n\nQuestion: how long is leave a year?")
]
MODEL = "smollm2-135m-instruct"
ASKERS = 16


class _Dies(FakeClient):
    """Ends in the middle the first time, after so many pieces."""

    def __init__(self, after: int, code: str = LOST) -> None:
        super().__init__()
        self.after, self.code, self.asked = after, code, 0

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling, **_: object
    ) -> Generator[Piece, None, None]:
        self.asked += 1
        yield Piece()
        for n, piece in enumerate(super().chat(messages, sampling)):
            if self.asked == 1 and n == self.after:
                raise ModelsUnavailable(self.code, "It ended. Ask again.")
            yield piece


def test_before_the_first_word_it_is_asked_again() -> None:
    client = _Dies(after=0)
    assert "".join(piece.text for piece in Voice(client).say(ASK, Sampling())).startswith("Leave")
    assert client.asked == 2


@pytest.mark.parametrize(("after", "code"), [(1, LOST), (0, "models-loading")])
def test_after_it_and_for_other_reasons_it_is_not(after: int, code: str) -> None:
    client = _Dies(after, code)
    with pytest.raises(ModelsUnavailable, match=code):
        list(Voice(client).say(ASK, Sampling()))
    assert client.asked == 1


class _Server:
    """`python -m inference.server` with the small model and a seat for each asker."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix:{folder / 'run' / 'models.sock'}"
        self._environment = {
            "SOVEREIGN_DATA_DIR": str(folder),
            "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
            "SOVEREIGN_CHAT_MODEL": MODEL,
            "SOVEREIGN_EMBEDDER": "all-minilm-l6-v2",
            "SOVEREIGN_PARALLEL": str(ASKERS),
            "SOVEREIGN_CONTEXT_TOKENS": "1024",
            "SOVEREIGN_THREADS": "1",
            "PATH": "/usr/bin:/bin",
        }
        self._log = folder / "models.log"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "inference.server"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def client(self) -> HttpClient:
        return HttpClient(Wire(self.url, patience=120.0))

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


def _asked(server: _Server, number: int, ends: dict[int, str], texts: dict[int, str]) -> None:
    voice = Voice(server.client(), asker=f"asker {number}")
    said = f"Count from {number} to fifty. " + "Say each number in words. " * (3 * number)
    try:
        for piece in voice.say([ChatMessage("user", said)], Sampling(max_tokens=40)):
            texts[number] += piece.text
            ends[number] = piece.finish or ""
    except ModelsUnavailable as error:
        ends[number] = error.code


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(900)
def test_kill_9_in_the_middle_of_sixteen_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Registry(settings.MODELS_DIR)
    try:
        registry.verify(registry.get(MODEL))
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    server = _Server(tmp_path)
    try:
        wait_for(lambda: server.client().health()["chat"]["state"] == "ready", 240)  # type: ignore[index]
        # All are there from the beginning: threads write while others walk through them.
        ends = dict.fromkeys(range(ASKERS), "")
        texts = dict.fromkeys(range(ASKERS), "")
        threads = [
            threading.Thread(target=_asked, args=(server, number, ends, texts))
            for number in range(ASKERS)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(bool(text) for text in texts.values()) >= 3, 240)
        server.kill()
        killed = time.monotonic()
        begun = {number for number, text in texts.items() if text}
        # While there is no server each of these hears its end: lost, or what came just before.
        wait_for(lambda: all(ends[number] for number in begun), 240)
        heard = {number: ends[number] for number in begun}
        server.start()
        list(server.client().chat(ASK, Sampling(max_tokens=1)))
        back = time.monotonic() - killed
        for thread in threads:
            thread.join(600)
        told = {number: end or "nothing" for number, end in ends.items()}
        with capsys.disabled():
            sys.stdout.write(f"\nback after {back:.1f} s; {len(begun)} had begun; ends {told}\n")
        assert set(told.values()) <= {"stop", "length", LOST, "models-loading"}
        assert {number: told[number] for number in begun} == heard, "nobody hears two answers"
        assert LOST in heard.values() and set(heard.values()) <= {"stop", "length", LOST}
        assert any(end in ("stop", "length") for end in told.values())
    finally:
        server.process.kill()
        server.process.wait(20)
