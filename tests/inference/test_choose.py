"""Which engine the settings give, and the engine that asks another server."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from inference import choose
from inference.errors import ModelError
from inference.fake import ABSTAINS, NAMES, FakeClient, FakeEncoder, FakeEngine, answer
from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from inference.registry import Registry
from inference.remote import RemoteEngine
from sovereign.settings import env
from tests.inference.parts import SMALL, running
from tests.live import free_port

ASK = [
    ChatMessage("system", "Cite."),
    ChatMessage(
        "user",
        "[1] The canteen opens at noon.\nIt closes at two.\n[2] Leave is thirty days.\n\n"
        "Question: When does the canteen open at noon?",
    ),
]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[str]:
    """Another server that speaks OpenAI's format: our own, with a fake model."""
    url = f"http://127.0.0.1:{free_port()}"
    with running(url, tmp_path, engine=lambda: FakeEngine(context=200, model="theirs")):
        yield url


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["e5-small-minilm", "qwen2.5-coder-1.5b-instruct"]),
        ({"CHAT_MODEL": "mine"}, ["e5-small-minilm"]),
        ({"ENGINE": "extractive"}, ["e5-small-minilm"]),
        ({"OPENAI_URLS": ["http://127.0.0.1:1"]}, ["e5-small-minilm"]),
        ({"EMBEDDER": "all-minilm-l6-v2", "ENGINE": "extractive"}, ["all-minilm-l6-v2"]),
    ],
)
def test_what_is_fetched_is_what_the_settings_ask_for(
    settings: Settings, changes: dict[str, Any], names: list[str]
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert choose.wanted() == names


def _code(settings: Settings) -> str:
    with pytest.raises(ModelError) as caught:
        choose.load_engine()
    return caught.value.code


def test_by_name(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    settings.ENGINE = "extractive"
    assert choose.load_engine() is None
    settings.ENGINE, settings.CHAT_MODEL = "auto", "none"
    assert choose.load_engine() is None
    settings.ENGINE = "magic"
    assert _code(settings) == "engine-unknown"
    settings.ENGINE, settings.CHAT_MODEL = "auto", "nothing"
    assert _code(settings) == "model-unknown"
    settings.CHAT_MODEL = "multilingual-e5-small"
    assert _code(settings) == "model-kind"
    settings.CHAT_MODEL = "smollm2-135m-instruct"
    assert _code(settings) == "model-missing"
    settings.ENGINE = "openai"
    assert _code(settings) == "engine-address"


def test_without_an_engine(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODELS_DIR, settings.CHAT_MODEL = tmp_path, "ours"
    file = tmp_path / "ours.gguf"
    file.write_bytes(SMALL)
    Registry(tmp_path).add(file)
    monkeypatch.setattr(choose, "find_spec", lambda name: None)
    assert _code(settings) == "engine-missing"
    file.write_bytes(SMALL + b"!")
    assert _code(settings) == "model-changed"


def test_a_header_without_weights_is_refused_by_the_engine(
    settings: Settings, tmp_path: Path
) -> None:
    settings.MODELS_DIR, settings.CHAT_MODEL = tmp_path, "ours"
    settings.ENGINE = "llama-cpp-python"
    (tmp_path / "ours.gguf").write_bytes(SMALL)
    Registry(tmp_path).add(tmp_path / "ours.gguf")
    pytest.importorskip("llama_cpp", reason="NOT TESTED: llama-cpp-python is not built")
    assert _code(settings) == "model-not-loaded"


def test_embedder(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    with pytest.raises(ModelError, match="fetch multilingual-e5-small"):
        choose.load_encoder()
    settings.EMBEDDER = "smollm2-135m-instruct"
    with pytest.raises(ModelError, match="SOVEREIGN_EMBEDDER"):
        choose.load_encoder()
    settings.ENGINE = "fake"
    assert isinstance(choose.load_encoder(), FakeEncoder)


def test_another_server(settings: Settings, other: str) -> None:
    settings.OPENAI_URLS = [f"{other}/v1"]
    engine = choose.load_engine()
    assert isinstance(engine, RemoteEngine)
    assert (engine.info.name, engine.info.engine) == ("theirs", "openai")
    pieces = list(engine.chat(ASK, Sampling()))
    assert "".join(piece.text for piece in pieces) == "The canteen opens at noon. [1]"
    assert pieces[-1].usage and pieces[-1].usage.completion == 6
    with pytest.raises(ModelsUnavailable) as caught:
        list(engine.chat([ChatMessage("user", "a " * 300)], Sampling()))
    assert caught.value.code == "context-too-long"
    assert engine.count("four letters") == 4
    engine.close()


def test_another_server_that_may_not_be_asked_or_is_not_there(settings: Settings) -> None:
    settings.OPENAI_URLS = ["http://192.0.2.1:8000"]
    assert _code(settings) == "address-not-allowed"
    settings.OPENAI_URLS = ["http://localhost.example.com"]
    assert _code(settings) == "address-not-allowed"
    settings.OPENAI_URLS = ["http://127.0.0.1:9"]
    assert _code(settings) == "replicas-away"
    settings.OPENAI_URLS = ["file:///etc/passwd"]
    assert _code(settings) == "engine-address"


def test_keys_and_layers_as_they_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, empty in (("IN_FORCE", {}), ("FILES", [])):
        monkeypatch.setattr(env, name, empty)
    (tmp_path / "one").write_text("first-key\n")
    monkeypatch.setenv("SOVEREIGN_OPENAI_KEYS", f"gpu-1:8000={tmp_path / 'one'}, ")
    assert env.from_files("SOVEREIGN_OPENAI_KEYS") == {"gpu-1:8000": "first-key"}
    assert [str(tmp_path / "one")] == env.FILES, "it stays in sight behind the wall"
    assert "first-key" not in str(env.IN_FORCE)
    for wrong in ("gpu-1:8000", "gpu-1:8000=key", f"={tmp_path / 'one'}", f"a={tmp_path / 'none'}"):
        monkeypatch.setenv("SOVEREIGN_OPENAI_KEYS", wrong)
        with pytest.raises(ImproperlyConfigured, match="SOVEREIGN_OPENAI_KEYS") as caught:
            env.from_files("SOVEREIGN_OPENAI_KEYS")
        assert "=key" not in str(caught.value)
    for said, layers in (("auto", -1), ("AUTO ", -1), ("-1", -1), ("20", 20)):
        monkeypatch.setenv("SOVEREIGN_GPU_LAYERS", said)
        assert env.number("SOVEREIGN_GPU_LAYERS", 0, least=-1, words={"auto": -1}) == layers


def test_what_the_fake_says() -> None:
    assert answer(ASK) == "The canteen opens at noon. [1]"
    closing = ChatMessage("user", ASK[1].content.replace("open at noon", "close at two"))
    assert answer([closing]) == "It closes at two. [1]"
    unknown = ChatMessage("user", "[1] The canteen opens.\n\nQuestion: Who pays the canteen bill?")
    assert answer([unknown]) == ABSTAINS
    first, again = (list(FakeClient().chat(ASK, Sampling())) for _ in range(2))
    assert [piece.text for piece in first] == [piece.text for piece in again]


def test_the_fake_embedder_puts_texts_with_shared_words_near() -> None:
    encoder = FakeEncoder()
    question = encoder.embed_queries(["How many days of leave?"])[0]
    near, far = encoder.embed_passages(["Leave is thirty days.", "The canteen opens at noon."])
    assert question @ near > 0.5 > abs(question @ far)
    assert encoder.embed_queries(["", "the of"]).shape == (2, 384)


def test_fake_embedders_of_two_names_cannot_be_compared() -> None:
    client, texts = FakeClient(), ["Leave is thirty days."]
    named = {name: client.embed_queries(texts, embedder=name)[0] for name in ("", *NAMES)}
    assert (named[""] == named["fake"]).all() and (named[""] == named["e5-small-minilm"]).all()
    others = [named[""], named["multilingual-e5-small"], named["all-minilm-l6-v2"]]
    for one, other in combinations(others, 2):
        assert abs(one @ other) < 0.5
    again = client.embed_passages(["Thirty days of leave."], embedder="all-minilm-l6-v2")[0]
    assert again @ named["all-minilm-l6-v2"] > 0.9
