import hashlib
import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference import registry as registry_module
from inference.catalogue import CATALOGUE
from inference.errors import ModelError
from inference.registry import Registry
from tests.inference.parts import SMALL


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "My Model Q4.gguf"
    path.write_bytes(SMALL)
    return path


def _code(registry: Registry, name: str) -> str:
    with pytest.raises(ModelError) as caught:
        registry.verify(registry.get(name))
    return caught.value.code


def test_catalogue_pins_everything() -> None:
    assert {entry.kind for entry in CATALOGUE} == {"chat", "embedder"}
    for entry in CATALOGUE:
        hashes = [part.sha256 for part in entry.parts] + [sha for _, sha in entry.files]
        hashes += [entry.joined] if entry.layout not in ("folder", "pair") else []
        assert all(len(bytes.fromhex(sha)) == 32 for sha in hashes), entry.name
        assert len({part.sha256 for part in entry.parts}) == len(entry.parts)


def test_unknown_names_and_files_that_are_not_there(registry: Registry) -> None:
    with pytest.raises(ModelError, match="models list") as caught:
        registry.get("nothing")
    assert caught.value.code == "model-unknown"
    assert _code(registry, "smollm2-135m-instruct") == "model-missing"


def test_a_file_of_the_catalogue_with_another_content_is_not_loaded(registry: Registry) -> None:
    file = registry.folder / "smollm2-135m-instruct" / "model.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(SMALL)
    assert _code(registry, "smollm2-135m-instruct") == "model-changed"


def test_own_model_by_reference(registry: Registry, own: Path) -> None:
    model = registry.add(own, licence="in-house")

    assert (model.name, model.family, model.context) == ("my-model-q4", "chatml", 2048)
    assert model.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert (registry.get("my-model-q4").licence, model.path) == ("in-house", own)
    registry.verify(registry.get("my-model-q4"))

    registry.remove("my-model-q4")
    assert own.exists()
    with pytest.raises(ModelError):
        registry.get("my-model-q4")


def test_own_model_by_copy(registry: Registry, own: Path) -> None:
    model = registry.add(own, name="ours", copy=True)
    own.unlink()
    registry.verify(registry.get("ours"))
    registry.remove("ours")
    assert not model.path.exists()


def test_a_folder_that_a_model_is_only_called_after_stays(registry: Registry, own: Path) -> None:
    """It was registered where it lay, beside others."""
    folder = registry.folder / "ours"
    folder.mkdir(parents=True)
    for name in ("one.gguf", "two.gguf"):
        (folder / name).write_bytes(own.read_bytes())
    registry.add(folder / "one.gguf", name="ours")
    registry.remove("ours")
    assert {file.name for file in folder.iterdir()} == {"one.gguf", "two.gguf"}
    registry.add(own, name="ours", copy=True)
    registry.add(folder / "two.gguf", name="ours")
    registry.remove("ours")
    assert (folder / "two.gguf").exists(), "the last word is that it was registered"


@pytest.mark.parametrize("name", ["Big", "a/b", "..", "qwen2.5-coder-1.5b-instruct", "x" * 100])
def test_names_that_are_refused(registry: Registry, own: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        registry.add(own, name=name)
    assert caught.value.code == "model-name"


def test_unknown_family_is_refused(registry: Registry, own: Path) -> None:
    with pytest.raises(ModelError, match="chatml"):
        registry.add(own, family="made-up")


def test_changed_file_is_refused_and_taken_back(registry: Registry, own: Path) -> None:
    registry.verify(registry.add(own, name="ours"))
    own.write_bytes(SMALL + b"x")
    assert _code(registry, "ours") == "model-changed"
    own.unlink()
    assert _code(registry, "ours") == "model-missing"
    own.write_bytes(SMALL)
    registry.verify(registry.get("ours"))


def test_same_size_and_time_do_not_hide_another_file(registry: Registry, own: Path) -> None:
    registry.verify(registry.add(own, name="ours"))
    before = own.stat()
    other = own.with_suffix(".new")
    other.write_bytes(SMALL[:-1] + b"?")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(own)
    assert _code(registry, "ours") == "model-changed"


def test_nor_do_they_in_the_same_place(registry: Registry, own: Path) -> None:
    registry.verify(registry.add(own, name="ours"))
    before = own.stat()
    # The kernel's clock for files goes on every few milliseconds.
    while own.stat().st_ctime_ns == before.st_ctime_ns:
        own.write_bytes(SMALL[:-1] + b"?")
    os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _code(registry, "ours") == "model-changed"


def test_an_unchanged_file_is_read_once(
    registry: Registry, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.verify(registry.add(own, name="ours"))
    read: list[Path] = []

    def counted(path: Path, progress: object = None) -> str:
        read.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(registry_module, "sha256_of", counted)
    registry.verify(registry.get("ours"))
    assert read == []
    registry.verify(registry.get("ours"), again=True)
    assert read == [own]


def test_damaged_local_registry(registry: Registry, own: Path) -> None:
    registry.folder.mkdir()
    (registry.folder / "registry.json").write_text('{"models": {"ours": {"nonsense": 1}}}')
    with pytest.raises(ModelError, match="add the model again") as caught:
        registry.models()
    assert caught.value.code == "registry-damaged"
    (registry.folder / "registry.json").write_text("{broken")
    assert len(registry.models()) == len(CATALOGUE)
    assert registry.add(own).name == "my-model-q4"


def test_embedder_folder(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "embedder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    model = registry.add(folder, name="own-embedder")
    assert (model.kind, model.path) == ("embedder", folder)
    assert model.sha256 == hashlib.sha256(b"weights").hexdigest()
    (folder / "config.json").write_text('{"auto_map": "evil"}')
    assert _code(registry, "own-embedder") == "model-changed"

    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelError, match="run code") as caught:
        registry.add(folder)
    assert caught.value.code == "model-unsafe"


def _listed(action: str) -> set[str]:
    out = StringIO()
    call_command("models", action, "--json", stdout=out)
    return {row["name"] for row in json.loads(out.getvalue())["models"]}


def test_command(settings: Settings, tmp_path: Path, own: Path) -> None:
    settings.MODELS_DIR = tmp_path / "models"
    out = StringIO()
    call_command("models", "add", str(own), "--name", "ours", stdout=out)
    assert "SOVEREIGN_CHAT_MODEL=ours" in out.getvalue()
    call_command("models", "verify", stdout=out)
    call_command("models", "list", stdout=out)
    assert "ours: right" in out.getvalue()
    assert "* qwen2.5-coder-1.5b-instruct" in out.getvalue()
    assert {"ours", "e5-small-minilm"} <= _listed("list")
    call_command("models", "history", stdout=out)
    assert "No chat model was activated yet." in out.getvalue()
    with pytest.raises(CommandError, match="No other model"):
        call_command("models", "rollback")
    call_command("models", "remove", "ours", stdout=out)
    with pytest.raises(CommandError, match="no model named"):
        call_command("models", "remove", "ours", stdout=out)
    with pytest.raises(CommandError, match="cannot be fetched"):
        call_command("models", "fetch", "gpt-5", stdout=out)
