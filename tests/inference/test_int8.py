"""Embedding in 8 bit integers, by a real embedder of two layers that is made here."""

import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from pytest_django import Settings

from inference import choose
from inference.encoders import SentenceEncoder
from inference.errors import ModelError
from inference.int8 import FILE, Int8Encoder, read_recipe
from inference.model import sha256_of
from inference.quantise import quantise
from inference.registry import Registry
from tests.inference import embedding

TEXTS = [
    "",
    "how many days of leave?",
    "Die Frist beträgt zwei Wochen für alle.",
    "休暇の申請は二週間前",
    "العربية طلب",
    "!!! ???",
    "all work on machines needs two people. " * 40,
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedding.make(tmp_path_factory.mktemp("source") / "ours")


@pytest.fixture(scope="module")
def brought(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder of models to which the embedder was added with --copy, and what was said."""
    folder, said = tmp_path_factory.mktemp("models"), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.MODELS_DIR", folder)
        call_command("models", "add", str(source), "--copy", stdout=said)
    return folder, said.getvalue().splitlines()


@pytest.fixture
def models(brought: tuple[Path, list[str]], tmp_path: Path, settings: Settings) -> Registry:
    """A copy that a test may change; the settings point at it."""
    folder = shutil.copytree(brought[0], tmp_path / "models")
    file = folder / "registry.json"
    text = file.read_text(encoding="utf-8").replace(str(brought[0]), str(folder))
    file.write_text(text, encoding="utf-8")
    settings.MODELS_DIR, settings.EMBEDDER, settings.THREADS = folder, "ours", 1
    settings.ENGINE = "extractive"
    return Registry(folder)


def test_adding_makes_the_file_and_keeps_its_hash(models: Registry) -> None:
    model = models.get("ours")
    assert model.files[FILE] == sha256_of(model.path / FILE)
    models.verify(model, again=True)
    assert not [path for path in models.folder.iterdir() if path.name.startswith(".int8")]


def test_vectors_are_those_of_floats(models: Registry) -> None:
    ours, theirs = choose.load_encoder(), SentenceEncoder("f", models.get("ours").path, 1)
    assert isinstance(ours, Int8Encoder)
    assert (ours.dimension, ours.max_tokens) == (theirs.dimension, theirs.max_tokens) == (32, 48)
    for name in ("embed_queries", "embed_passages"):
        found, wanted = getattr(ours, name)(TEXTS), getattr(theirs, name)(TEXTS)
        assert found.dtype == np.float32
        assert ((found * wanted).sum(axis=1) > 0.98).all()
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert ours.embed_passages([]).shape == (0, 32)
    assert [ours.count(text) for text in TEXTS] == [theirs.count(text) for text in TEXTS]


def test_a_vector_depends_on_its_text_alone(models: Registry) -> None:
    encoder = choose.load_encoder()
    together = encoder.embed_passages(TEXTS)
    alone = np.concatenate([encoder.embed_passages([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    padded = encoder.embed_passages([f" {TEXTS[1]}\n"])
    np.testing.assert_array_equal(padded[0], together[1])


def test_what_goes_in_front_and_what_is_cut(models: Registry) -> None:
    encoder = choose.load_encoder()
    query, passage = encoder.embed_queries(TEXTS[1:2]), encoder.embed_passages(TEXTS[1:2])
    assert float((query * passage).sum()) < 0.999
    long = "a" * 100
    same = encoder.embed_queries([long, long[:43], long[:42]])
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[1], same[2])


def test_the_same_bytes_each_time(source: Path, models: Registry, tmp_path: Path) -> None:
    made = sha256_of(quantise(source, tmp_path))
    assert made == models.get("ours").files[FILE]


def test_a_changed_file_is_refused(models: Registry) -> None:
    with (models.get("ours").path / FILE).open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelError) as caught:
        choose.load_encoder()
    assert caught.value.code == "model-changed"


def test_floats_where_the_file_was_not_made_or_is_not_wanted(
    source: Path, models: Registry, settings: Settings
) -> None:
    settings.EMBED_PRECISION = "float32"
    assert isinstance(choose.load_encoder(), SentenceEncoder)
    settings.EMBED_PRECISION = "int8"
    models.add(source, name="plain", copy=True)
    assert isinstance(choose.load_encoder("plain"), SentenceEncoder)


def test_nothing_is_written_to_a_folder_of_others_and_nothing_of_it_run(
    source: Path, models: Registry, tmp_path: Path
) -> None:
    theirs = shutil.copytree(source, tmp_path / "theirs")
    (theirs / FILE).write_bytes(b"not ours")
    said = StringIO()
    call_command("models", "add", str(theirs), stdout=said)
    assert "32 bit floats" in said.getvalue()
    assert "--copy" in said.getvalue()
    assert (theirs / FILE).read_bytes() == b"not ours"
    assert isinstance(choose.load_encoder("theirs"), SentenceEncoder)


def test_added_anew_it_is_made_anew(source: Path, models: Registry) -> None:
    models.record_made("ours", FILE, "0" * 64)
    said = StringIO()
    call_command("models", "add", str(source), "--copy", stdout=said)
    assert "making" in said.getvalue()
    models.verify(models.get("ours"))


@pytest.mark.parametrize(("pooling", "after"), [("max", ()), ("mean", ("Dense", "Normalize"))])
def test_steps_that_are_unknown_here_stay_in_floats(
    source: Path, models: Registry, tmp_path: Path, pooling: str, after: tuple[str, ...]
) -> None:
    other = shutil.copytree(source, tmp_path / "other")
    embedding.write_configs(other, pooling, after)
    with pytest.raises(ModelError) as caught:
        read_recipe(other)
    assert caught.value.code == "model-not-int8"
    said = StringIO()
    call_command("models", "add", str(other), "--copy", stdout=said)
    assert "It cannot be run in 8 bit integers" in said.getvalue()
    assert not models.has_made("other", FILE)
    models.verify(models.get("other"))


def test_one_whose_vectors_would_be_others_is_not_kept(
    models: Registry, monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    monkeypatch.setattr("inference.quantise.ALIKE", 1.01)
    said = StringIO()
    call_command("models", "add", str(source), "--copy", "--name", "odd", stdout=said)
    assert "its vectors would be others" in said.getvalue()
    assert not (models.folder / "odd" / FILE).exists()


def test_too_little_memory_leaves_it_in_floats(
    models: Registry, monkeypatch: pytest.MonkeyPatch, source: Path
) -> None:
    monkeypatch.setattr("inference.quantise._memory", lambda: 100e6)
    said = StringIO()
    call_command("models", "add", str(source), "--copy", "--name", "small", stdout=said)
    assert "0.5 GB of memory, and 0.1 GB are free" in said.getvalue()
    models.verify(models.get("small"))


def test_the_first_token_where_the_model_wants_it(source: Path, tmp_path: Path) -> None:
    other = shutil.copytree(source, tmp_path / "first")
    embedding.write_configs(other, "cls", ("Normalize",))
    file = quantise(other, tmp_path)
    ours, theirs = Int8Encoder("i", other, 1, file=file), SentenceEncoder("f", other, 1)
    cosines = (ours.embed_passages(TEXTS) * theirs.embed_passages(TEXTS)).sum(axis=1)
    assert (cosines > 0.97).all()


def test_neither_torch_nor_its_company_is_imported(models: Registry) -> None:
    text = """
import sys
from pathlib import Path
from inference.int8 import Int8Encoder
Int8Encoder("x", Path(sys.argv[1]), 1).embed_queries(["leave"])
print({"torch", "sentence_transformers", "transformers", "onnx"} & set(sys.modules))
"""
    command = [sys.executable, "-c", text, str(models.get("ours").path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("EMBED_DEVICE", "gpu", "embed-setting"),
        ("EMBED_PRECISION", "int4", "embed-setting"),
        ("EMBED_DEVICE", "cuda", "no-gpu"),
    ],
)
def test_settings_that_cannot_be(
    models: Registry, settings: Settings, name: str, value: str, code: str
) -> None:
    import torch

    if code == "no-gpu" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    setattr(settings, name, value)
    with pytest.raises(ModelError) as caught:
        choose.load_encoder()
    assert caught.value.code == code


def test_auto_takes_the_processor_where_there_is_no_gpu(
    models: Registry, settings: Settings
) -> None:
    import torch

    settings.EMBED_DEVICE = "auto"
    kind = SentenceEncoder if torch.cuda.is_available() else Int8Encoder
    assert isinstance(choose.load_encoder(), kind)
