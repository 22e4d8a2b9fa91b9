"""Turn the 4 bit weights of multilingual-e5-small into a folder that sentence-transformers loads.

The source is one little-endian file of data, without code: magic "E5S1", the dimensions, the
SentencePiece pieces with scores, a table of code points, a directory of tensors, then the tensors
(f32, or llama.cpp's Q4_0: 32 weights in 18 bytes). It is unpacked to f32, since 16 bit floats run
six times slower on a CPU. The normalizer is the standard `nmt_nfkc` of SentencePiece, taken from a
tiny model that is trained here, because the file has it in another form.
"""

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import ModelError

MAGIC = b"E5S1"
BLOCK = 32
BLOCK_BYTES = 18
_Q4 = 1
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Dimensions:
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are in the file."""

    dimensions: Dimensions
    pieces: list[tuple[str, float]]
    directory: int


def convert(source: Path, target: Path) -> None:
    """Write the model in SOURCE (`e5-small-q4.bin`) to the folder TARGET, which must be empty.

    Raises ModelError(`model-damaged`) where the file is not what it should be.
    """
    try:
        data = np.memmap(source, dtype=np.uint8, mode="r")
        layout = _read_layout(bytes(data[: min(len(data), 8_388_608)]))
        tensors = {_name(key): value for key, value in _tensors(data, layout)}
    except (struct.error, ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise ModelError("model-damaged", f"{source.name} is damaged. Fetch it again.") from error
    tensors |= {
        # Unused, but the loader reports them as missing otherwise.
        "pooler.dense.weight": np.zeros((layout.dimensions.hidden,) * 2, np.float32),
        "pooler.dense.bias": np.zeros(layout.dimensions.hidden, np.float32),
    }
    _write(target, layout, tensors)


def _read_layout(head: bytes) -> _Layout:
    if head[:4] != MAGIC or struct.unpack_from("<I", head, 4)[0] != 1:
        raise ValueError("magic")
    dimensions = Dimensions(*struct.unpack_from("<7if", head, 8))
    if struct.unpack_from("<i", head, 40)[0] != BLOCK:
        raise ValueError("block")
    count, _bos, _eos, _pad, _unknown, blob = struct.unpack_from("<5iQ", head, 44)
    offsets = np.frombuffer(head, "<u4", count + 1, 72)
    at = 72 + 4 * (count + 1)
    scores = np.frombuffer(head, "<f4", count, at)
    at += 4 * count
    texts = [head[at + a : at + b].decode() for a, b in pairwise(offsets)]
    at += blob
    table_bytes = struct.unpack_from("<iI", head, at)[1]
    pieces = list(zip(texts, (float(score) for score in scores), strict=True))
    return _Layout(dimensions, pieces, at + 8 + table_bytes)


def _tensors(data: NDArray[np.uint8], layout: _Layout) -> Iterator[tuple[str, Array]]:
    head = bytes(data[layout.directory : layout.directory + 65_536])
    at = 4
    for _ in range(struct.unpack_from("<i", head, 0)[0]):
        (length,) = struct.unpack_from("<H", head, at)
        name = head[at + 2 : at + 2 + length].decode()
        kind, elements, offset, size = struct.unpack_from("<BIQQ", head, at + 2 + length)
        at += 2 + length + 21
        raw = data[offset : offset + size]
        values = _unpack_q4(raw) if kind == _Q4 else np.frombuffer(raw.tobytes(), "<f4")
        if values.size != elements:
            raise ValueError(name)
        yield name, np.ascontiguousarray(values.reshape(_shape(name, elements, layout.dimensions)))


def _unpack_q4(raw: NDArray[np.uint8]) -> Array:
    """Q4_0: a half float d and 16 bytes; low nibbles are weights 0..15, high ones 16..31."""
    blocks = raw.reshape(-1, BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    nibbles = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8.0) * scale).reshape(-1)


def _shape(name: str, elements: int, dims: Dimensions) -> tuple[int, ...]:
    if name.endswith((".b", "ln.w")):
        return (elements,)
    columns = dims.inner if name.endswith(".fo.w") else dims.hidden
    return (elements // columns, columns)


def _name(key: str) -> str:
    if key in _EMBEDDINGS:
        return _EMBEDDINGS[key]
    layer, part, kind = key.split(".")
    ending = {"w": "weight", "b": "bias"}[kind]
    return f"encoder.layer.{int(layer.removeprefix('l'))}.{_LAYER[part]}.{ending}"


def _charsmap() -> bytes:
    """SentencePiece's `nmt_nfkc` normalization, compiled, out of a toy model."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as schema

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["ab ba", "aabb", "abab"]),
        model_writer=model,
        vocab_size=12,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    charsmap: bytes = schema.ModelProto.FromString(
        model.getvalue()
    ).normalizer_spec.precompiled_charsmap
    return charsmap


def _write_tokenizer(path: Path, pieces: list[tuple[str, float]]) -> None:
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("\u200d", " "),
            normalizers.Precompiled(_charsmap()),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True) for text in ("<s>", "<pad>", "</s>", "<unk>")]
        + [AddedToken("<mask>", special=True, lstrip=True)]
    )
    tokenizer.save(str(path), pretty=False)


def _write(target: Path, layout: _Layout, tensors: dict[str, Array]) -> None:
    from safetensors.numpy import save_file

    target.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    _write_tokenizer(target / "tokenizer.json", layout.pieces)
    for name, content in _configs(layout.dimensions).items():
        file = target / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (target / "2_Normalize").mkdir(exist_ok=True)


def _configs(dims: Dimensions) -> dict[str, object]:
    return {
        "config.json": _bert(dims),
        "tokenizer_config.json": {
            # XLMRobertaTokenizer would rebuild the normalizer in another way.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
            "model_max_length": dims.positions,
            "clean_up_tokenization_spaces": False,
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(
                [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
            )
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": dims.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": dims.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _bert(dims: Dimensions) -> dict[str, object]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": dims.hidden,
        "num_hidden_layers": dims.layers,
        "num_attention_heads": dims.heads,
        "intermediate_size": dims.inner,
        "vocab_size": dims.vocabulary,
        "max_position_embeddings": dims.positions,
        "type_vocab_size": dims.types,
        "layer_norm_eps": dims.epsilon,
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "pad_token_id": 1,
        "torch_dtype": "float32",
    }
