"""Processes that serve the small real model on loopback, one of which can be killed in the middle."""

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings

from inference.errors import ModelError
from inference.model import Model
from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from inference.registry import Registry
from inference.remote import RemoteEngine, Servers, connect
from tests.inference.parts import wait_for
from tests.live import free_port

SMALL = "smollm2-135m-instruct"

#: llama.cpp's own server, as the wheel of xllamacpp holds it: its OpenAI-compatible calls on a port.
_XLLAMACPP = """
import sys
import xllamacpp

about = xllamacpp.CommonParams()
about.model.path, about.model_alias = sys.argv[1], {sys.argv[3]}
about.hostnames, about.port = ["127.0.0.1"], int(sys.argv[2])
about.n_ctx, about.n_parallel, about.kv_unified = 2048, 4, True
about.cpuparams.n_threads = about.cpuparams_batch.n_threads = 1
about.n_gpu_layers, about.verbosity, about.ui = 0, -1, False
about.endpoint_metrics = True
server = xllamacpp.Server(about)
sys.stdin.read()
"""


def small_model() -> Model:
    """Verified; the test is skipped where it is not here."""
    registry = Registry(settings.MODELS_DIR)
    try:
        model = registry.get(SMALL)
        registry.verify(model)
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    return model


class Process:
    """`kind`: "ours" is `python -m inference.server`, "xllamacpp" llama.cpp's server out of its wheel."""

    def __init__(self, held: ExitStack, folder: Path, kind: str) -> None:
        model = small_model()
        if kind == "xllamacpp" and not find_spec("xllamacpp"):
            pytest.skip("NOT TESTED: xllamacpp is not installed (only where there is no compiler)")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir()
        command = [sys.executable, "-c", _XLLAMACPP, str(model.path), str(port), SMALL]
        about: dict[str, str] = {}
        if kind == "ours":
            command = [sys.executable, "-m", "inference.server"]
            about = {
                "DJANGO_SETTINGS_MODULE": "sovereign.settings",
                "SOVEREIGN_DATA_DIR": str(folder),
                "SOVEREIGN_MODELS_DIR": str(settings.MODELS_DIR),
                "SOVEREIGN_MODELS_URL": self.url,
                "SOVEREIGN_CHAT_MODEL": SMALL,
                "SOVEREIGN_PARALLEL": "4",
                "SOVEREIGN_THREADS": "1",
            }
        process = subprocess.Popen(command, env=os.environ | about, stdin=subprocess.PIPE)
        # Ended with its pipe.
        self._process = held.enter_context(process)
        held.callback(self.kill)

    def kill(self) -> None:
        self._process.kill()


def connected(held: ExitStack, urls: list[str]) -> RemoteEngine:
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


@dataclass
class Asked:
    """How an answer ended: "stop", "length" or the code of what went wrong."""

    text: str = ""
    end: str = ""


def asked(engine: RemoteEngine, number: int) -> Asked:
    """One question."""
    messages = [ChatMessage("user", f"Question {number}: name {number + 2} colours.")]
    found = Asked()
    try:
        for piece in engine.chat(messages, Sampling(max_tokens=48)):
            found.text += piece.text
            found.end = piece.finish or found.end
    except ModelsUnavailable as error:
        found.end = error.code
    return found


def together(engine: RemoteEngine, count: int, first: Process) -> list[Asked]:
    """COUNT questions at once; FIRST, the first server, is killed when its first word has come."""
    found = [Asked() for _ in range(count)]

    def ask(number: int) -> None:
        found[number] = asked(engine, number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    wait_for(lambda: engine.replicas.replicas[0].first_seconds > 0, 120.0)
    first.kill()
    for thread in threads:
        thread.join(timeout=240)
    return found
