"""Switching real models under real answers, and a real LoRA adapter. Skipped where no weights are here."""

import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from inference import choose
from inference.chat import Source
from inference.chat_source import fit_of
from inference.client import HttpClient
from inference.errors import ModelError
from inference.fit import Need, judge
from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from inference.registry import Registry
from inference.wire import Wire
from tests.inference.parts import pair, running, text, wait_for

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]
SMALL = "smollm2-135m-instruct"
WIDTH = 576


@pytest.fixture
def weights() -> Path:
    registry = Registry(django_settings.MODELS_DIR)
    model = registry.get(SMALL)
    try:
        registry.verify(model)
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    return model.path


@pytest.fixture
def registry(weights: Path, tmp_path: Path, settings: Settings) -> Iterator[Registry]:
    """The small model under two names: two copies of the weights in memory."""
    settings.MODELS_DIR, settings.ENGINE = tmp_path / "models", "llama-cpp-python"
    settings.CHAT_MODEL, settings.CONTEXT_TOKENS = "one", 1_024
    found = Registry(tmp_path / "models")
    for name in ("one", "two"):
        found.add(weights, name=name)
    yield found


def _messages(n: int) -> list[ChatMessage]:
    return [ChatMessage("user", f"Person {n} asks: say in two sentences what a library is for.")]


class _Askers:
    def __init__(self, client: HttpClient) -> None:
        self.ended: list[str] = []
        self.errors: list[str] = []
        self._client, self._over = client, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(16)]
        for thread in self._threads:
            thread.start()

    def _ask(self, n: int) -> None:
        while not self._over.is_set():
            try:
                pieces = list(self._client.chat(_messages(n), Sampling(max_tokens=40)))
                assert "".join(piece.text for piece in pieces).strip()
                self.ended.append(str(pieces[-1].finish))
            except (ModelsUnavailable, AssertionError) as error:
                self.errors.append(str(error))

    def finish(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=240)


@pytest.mark.parametrize(("parallel", "beside"), [(4, True), (4, False), (1, False)])
def test_switching_during_sixteen_answers_breaks_none(
    registry: Registry, tmp_path: Path, settings: Settings, parallel: int, beside: bool
) -> None:
    settings.PARALLEL = parallel
    source = choose.chat_source()
    assert source is not None
    if not beside:
        source = _cramped(source)
    url, said = f"unix:{tmp_path / 'm.sock'}", list[str]()
    with running(url, tmp_path, engine=choose.load_engine, source=source) as app:
        client = HttpClient(Wire(url, patience=0.0))
        wait_for(lambda: app._service.chat.state == "ready", seconds=120)
        assert client.models()[0].name == "one"
        askers = _Askers(client)
        wait_for(lambda: app._service.queue_length() == 16, seconds=60)
        app._service.switch("two", said.append)
        before = len(askers.ended)
        wait_for(lambda: len(askers.ended) >= before + 4, seconds=240)
        askers.finish()
        assert client.models()[0].name == "two"
    assert askers.errors == []
    assert len(askers.ended) >= 16 and set(askers.ended) <= {"stop", "length"}
    assert said == (["loading"] if beside else ["loading", "draining", "loading"])


def _cramped(source: Source) -> Source:
    """A machine with room for one of them."""
    gigabyte = 1_000_000_000
    need = Need(gigabyte // 2, 0, 0)
    return replace(source, free=lambda: gigabyte, fit=lambda name, free: judge(name, need, free, 0))


def _lora(path: Path, strength: float) -> Path:
    """An adapter of rank 4 that changes the outputs of some layers' attention."""
    random, tensors = np.random.default_rng(1), []
    for layer in range(10, 20):
        name = f"blk.{layer}.attn_output.weight"
        tensors.append((f"{name}.lora_a", random.normal(size=(4, WIDTH))))
        tensors.append((f"{name}.lora_b", random.normal(size=(WIDTH, 4)) * strength))
    pairs = [
        pair("general.architecture", "llama"),
        pair("general.type", "adapter"),
        pair("adapter.type", "lora"),
        text("adapter.lora.alpha") + struct.pack("<If", 6, 4.0),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs)
    data = b""
    for name, values in tensors:
        shape = values.shape[::-1]
        head += text(name) + struct.pack("<I2QIQ", 2, *shape, 0, len(data))
        data += values.astype("<f4").tobytes()
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
    return path


@pytest.mark.parametrize("parallel", [1, 4])
def test_an_adapter_changes_what_its_model_says(
    registry: Registry, tmp_path: Path, settings: Settings, parallel: int
) -> None:
    settings.PARALLEL = parallel
    registry.add(_lora(tmp_path / "none.gguf", 0.0), base="one")
    registry.add(_lora(tmp_path / "much.gguf", 0.3), base="one")
    answers = {}
    for name in ("one", "none", "much"):
        source = choose.chat_source()
        assert source is not None
        with closing(source.load(name)) as engine:
            assert engine.info.name == name
            assert engine.info.sha256 == registry.get(name).sha256
            pieces = engine.chat(_messages(1), Sampling(max_tokens=24))
            answers[name] = "".join(piece.text for piece in pieces)
    assert answers["none"] == answers["one"] != answers["much"]


def test_what_it_needs_is_near_to_what_it_takes(registry: Registry) -> None:
    """Weights and cells of the small model, by its header: within a fifth of what was measured."""
    found = fit_of("one", 2**40)
    assert 0.15e9 < found.needed < 0.35e9
    assert fit_of("one", 300_000_000).code == "model-too-large"
