import json
import struct
from pathlib import Path

import numpy as np
import pytest

from inference import e5
from inference.errors import ModelError

HIDDEN, INNER, PIECES = 32, 64, ["<s>", "<pad>", "</s>", "<unk>", "▁a", "b", "▁"]


def _q4(values: np.ndarray) -> bytes:
    """Q4_0 with a scale of one half: VALUES are multiples of it between -4 and 3.5."""
    nibbles = (values.reshape(-1, 32) * 2 + 8).astype(np.uint8)
    packed = nibbles[:, :16] | (nibbles[:, 16:] << 4)
    scale = np.full((len(packed), 1), 0.5, np.float16).view(np.uint8)
    return np.concatenate([scale, packed], axis=1).tobytes()


def _tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)

    def some(*shape: int) -> np.ndarray:
        return random.integers(-8, 8, shape).astype(np.float32) / 2

    found = {"emb.word": some(len(PIECES), HIDDEN), "emb.pos": some(16, HIDDEN)}
    found |= {"emb.type": some(2, HIDDEN), "emb.ln.w": some(HIDDEN), "emb.ln.b": some(HIDDEN)}
    for key in ("q", "k", "v", "ao"):
        found |= {f"l0.{key}.w": some(HIDDEN, HIDDEN), f"l0.{key}.b": some(HIDDEN)}
    found |= {"l0.fi.w": some(INNER, HIDDEN), "l0.fi.b": some(INNER)}
    found |= {"l0.fo.w": some(HIDDEN, INNER), "l0.fo.b": some(HIDDEN)}
    for key in ("aln", "oln"):
        found |= {f"l0.{key}.w": some(HIDDEN), f"l0.{key}.b": some(HIDDEN)}
    return found


def small(tensors: dict[str, np.ndarray]) -> bytes:
    """A model of one layer in the format of the file that set-up fetches."""
    blob = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *(len(piece) for piece in blob)]).astype("<u4").tobytes()
    scores = np.linspace(0, -3, len(PIECES)).astype("<f4").tobytes()
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, 1, 2, INNER, len(PIECES), 16, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(len(piece) for piece in blob))
    head += offsets + scores + b"".join(blob) + struct.pack("<iI", 0, 0)
    packed = {
        name: (1, _q4(value))
        if value.ndim == 2 and name not in ("emb.pos", "emb.type")
        else (0, value.astype("<f4").tobytes())
        for name, value in tensors.items()
    }
    at = len(head) + 4 + sum(2 + len(name) + 21 for name in packed)
    directory, data = struct.pack("<i", len(packed)), b""
    for name, (kind, raw) in packed.items():
        data += b"\0" * (-(at + len(data)) % 64)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, tensors[name].size, at + len(data), len(raw))
        data += raw
    return head + directory + data


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(small(_tensors()))
    return path


def test_every_weight_comes_out_in_its_place(source: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    e5.convert(source, tmp_path / "made")
    made = load_file(tmp_path / "made" / "model.safetensors")
    wanted = _tensors()
    assert len(made) == len(wanted) + 2
    for name, key in {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
        "l0.k.w": "encoder.layer.0.attention.self.key.weight",
        "l0.fo.w": "encoder.layer.0.output.dense.weight",
        "l0.oln.w": "encoder.layer.0.output.LayerNorm.weight",
    }.items():
        np.testing.assert_array_equal(made[key], wanted[name])
        assert made[key].dtype == np.float32


def test_configuration_of_the_folder(source: Path, tmp_path: Path) -> None:
    e5.convert(source, tmp_path / "made")
    read = {path.name: json.loads(path.read_text()) for path in (tmp_path / "made").glob("*.json")}
    assert read["config.json"]["layer_norm_eps"] == pytest.approx(1e-12)
    assert read["config_sentence_transformers.json"]["prompts"] == {
        "query": "query: ",
        "document": "passage: ",
    }
    assert read["sentence_bert_config.json"]["max_seq_length"] == 16


def test_tokenizer_normalizes_as_sentencepiece_does(source: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    e5.convert(source, tmp_path / "made")
    tokenizer = Tokenizer.from_file(str(tmp_path / "made" / "tokenizer.json"))
    assert tokenizer.encode("ab").tokens == ["<s>", "▁a", "b", "</s>"]
    # Wide letters, a ligature-like half and doubled spaces are folded; an unknown letter is one.
    assert tokenizer.encode("\uff41\uff42").tokens == ["<s>", "▁a", "b", "</s>"]
    assert tokenizer.encode("a\u200d  ab").ids == tokenizer.encode("a ab").ids
    assert tokenizer.encode("q").ids[-2] == 3


@pytest.mark.parametrize("cut", [0, 3, 60, 200, -40_000, -2])
def test_damaged_weights_are_refused(source: Path, tmp_path: Path, cut: int) -> None:
    data = source.read_bytes()[:cut] if cut else b"XXXX" + source.read_bytes()[4:]
    source.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        e5.convert(source, tmp_path / "made")
    assert caught.value.code == "model-damaged"
