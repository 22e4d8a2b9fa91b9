"""A real embedder of two small layers, made here, in sentence-transformers' format."""

import json
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,?äöüé日本語休暇العربيةطلب"
MAX_TOKENS = 48


def make(folder: Path, *, pooling: str = "mean", after: tuple[str, ...] = ("Normalize",)) -> Path:
    """Each letter is a token. POOLING and the modules AFTER it are written as asked for."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    BertModel(config).eval().save_pretrained(folder, safe_serialization=True)
    _write_tokenizer(folder / "tokenizer.json")
    write_configs(folder, pooling, after)
    return folder


def write_configs(folder: Path, pooling: str, after: tuple[str, ...]) -> None:
    for name, content in _configs(pooling, after).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def _vocabulary() -> list[str]:
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(LETTERS))]


def _write_tokenizer(path: Path) -> None:
    """With padding and a cut of its own, as many files of models have it."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    words = {text: number for number, text in enumerate(_vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(40)
    tokenizer.save(str(path))


def _configs(pooling: str, after: tuple[str, ...]) -> dict[str, object]:
    kinds = [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        *((f"2_{kind}", kind) for kind in after),
    ]
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    special |= {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    return {
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", **special},
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": 32,
            "pooling_mode_mean_tokens": False,
            f"pooling_mode_{pooling}{'_token' if pooling == 'cls' else '_tokens'}": True,
        },
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "q: ", "document": "passage text: "},
            "similarity_fn_name": "cosine",
        },
    }
