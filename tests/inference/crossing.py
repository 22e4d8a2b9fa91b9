"""A real cross-encoder, made here: it counts how often the passage says "leave"."""

from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "leave", "days", "canteen", "noon", "how", "many")


def make(folder: Path, *, labels: int = 1) -> Path:
    """Two layers that pass everything on; the weight of "leave" is set by hand."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=labels,
    )
    model = BertForSequenceClassification(config).eval()
    _prefer_leave(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    _tokenizer().save_pretrained(folder)
    return folder


def _prefer_leave(model: BertForSequenceClassification) -> None:
    """Even attention over all words; the mean of what "leave" is reaches the first place."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, module in model.named_modules():
            if name.endswith("LayerNorm"):
                module.weight.fill_(1.0)
            if name.endswith(("attention.self.value", "attention.output.dense", "pooler.dense")):
                module.weight.copy_(torch.eye(16))
        embedding = model.bert.embeddings.word_embeddings.weight
        embedding[:, 1] = 1.0
        embedding[VOCABULARY.index("leave"), 0] = 4.0
        model.classifier.weight[:, 0] = 1.0


def _tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    words = Tokenizer(WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = Lowercase(), Whitespace()
    words.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
