"""Where models come from, and that no format which can run code is ever opened."""

import pickle
import re
from pathlib import Path

import pytest
from django.conf import settings

from inference import origin
from inference.catalogue import CATALOGUE
from inference.errors import ModelError
from inference.formats import refuse_code
from inference.registry import Registry
from tests.inference.parts import SMALL

ROOT = Path(settings.BASE_DIR)
ROOMS = ("sovereign", "accounts", "ingest", "chat", "compliance", "inference", "audit", "wall")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def embedder(tmp_path: Path) -> Path:
    folder = tmp_path / "embedder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder


def _code(registry: Registry, name: str) -> str:
    with pytest.raises(ModelError) as caught:
        registry.verify(registry.get(name))
    return caught.value.code


def test_a_model_added_by_hand_keeps_who_when_and_from_where(
    registry: Registry, tmp_path: Path
) -> None:
    file = tmp_path / "ours.gguf"
    file.write_bytes(SMALL)
    registry.add(file, name="ours", copy=True)

    found = registry.origin("ours")
    assert (found.how, found.source, found.by) == ("added", str(file), origin.who())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found.at)


def test_a_fetched_model_keeps_the_packages_and_their_hashes(registry: Registry) -> None:
    entry = CATALOGUE[1]
    registry.record_files(entry, {"config.json": "0" * 64})

    found = registry.origin(entry.name)
    assert found.how == "fetched"
    for part in entry.parts:
        assert f"{part.package} {part.version} sha256:{part.sha256}" in found.source


def test_a_forgotten_model_leaves_no_origin(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "ours.gguf"
    file.write_bytes(SMALL)
    registry.add(file, name="ours")
    registry.remove("ours")
    assert registry.origin("ours") == origin.Origin()


def test_what_was_brought_before_has_no_invented_origin(registry: Registry) -> None:
    assert registry.origin(CATALOGUE[0].name) == origin.Origin()


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "weights.pt", "x.pth", "x.pkl", "x.ckpt", "x.joblib", "modeling.py",
     "x.npz", "x.h5", "libop.so", "archive.tar"],
)  # fmt: skip
def test_formats_that_can_run_code_or_are_unknown_are_refused(embedder: Path, name: str) -> None:
    (embedder / name).write_bytes(b"anything")
    with pytest.raises(ModelError) as caught:
        refuse_code(embedder)
    assert caught.value.code == "model-unsafe"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_under_the_name_of_a_safe_format_is_refused(embedder: Path, protocol: int) -> None:
    (embedder / "more.safetensors").write_bytes(pickle.dumps({"a": 1}, protocol))
    with pytest.raises(ModelError, match=r"more\.safetensors"):
        refuse_code(embedder)


def test_a_file_put_beside_a_known_embedder_keeps_it_from_loading(
    registry: Registry, embedder: Path
) -> None:
    registry.verify(registry.add(embedder, name="ours"))
    (embedder / "modules.json").write_text("[]")
    assert _code(registry, "ours") == "model-unsafe"


@pytest.mark.parametrize("content", [b"PK\x03\x04", pickle.dumps(1), b"", b"not a model at all"])
def test_only_gguf_is_a_chat_model(registry: Registry, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        registry.add(file)
    assert caught.value.code == "model-damaged"


def test_the_code_opens_no_pickle_and_trusts_no_remote_code() -> None:
    """`trust_remote_code=False` may stand there; everything else that could run code may not."""
    forbidden = re.compile(
        r"\bimport pickle|\bpickle\.loads?|\btorch\.load|\bjoblib|\bdill\b|\bmarshal\.load"
        r"|trust_remote_code(?!=False)|\bshelve\b|weights_only=False|\byaml\.load\b"
    )
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for match in forbidden.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_catalogue_names_safe_formats_alone() -> None:
    names = {name for entry in CATALOGUE for name, _ in entry.files}
    assert {Path(name).suffix for name in names} <= {".gguf", ".safetensors", ".json"}
