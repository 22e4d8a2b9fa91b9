"""Cross-encoders through sentence-transformers, from a local folder and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.encoders import refuse_pickles
from inference.errors import ModelError
from inference.model import read_json

#: A question and a passage together; what is longer costs more than it tells.
MOST_TOKENS = 512
_ENDING = "ForSequenceClassification"


def is_cross_encoder(folder: Path) -> bool:
    """Whether the folder's configuration is that of a classifier with one label: a score of a pair."""
    config = read_json(folder / "config.json")
    names = config.get("architectures")
    named = isinstance(names, list) and any(str(name).endswith(_ENDING) for name in names)
    return named and _labels(config) == 1


def _labels(config: dict[str, Any]) -> int:
    """As transformers counts them: by their names, 2 where nothing is said."""
    names = config.get("id2label")
    return len(names) if isinstance(names, dict) else _number(config.get("num_labels"), 2)


def context_of(folder: Path) -> int:
    """Tokens that it reads at once, by its configuration."""
    told = read_json(folder / "config.json").get("max_position_embeddings")
    return min(_number(told, MOST_TOKENS), MOST_TOKENS)


def _number(told: object, otherwise: int) -> int:
    """A positive whole number as a configuration tells it, else `otherwise`."""
    return told if isinstance(told, int) and told > 0 else otherwise


class CrossEncoderReranker:
    """A cross-encoder in a folder with `model.safetensors`. Pairs beyond `max_tokens` are cut."""

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        import torch
        from sentence_transformers import CrossEncoder

        refuse_pickles(folder)
        if not is_cross_encoder(folder):
            raise not_one(folder.name)
        torch.set_num_threads(threads)
        self.name = name
        self._model = CrossEncoder(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            # The one that the folder names would be imported by its name.
            activation_fn=torch.nn.Identity(),
            model_kwargs={"dtype": "float32", "use_safetensors": True},
        ).eval()
        self.max_tokens = min(int(self._model.max_seq_length or MOST_TOKENS), context_of(folder))
        self._model.max_seq_length = self.max_tokens
        self.score("warm", ["up"])

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each of TEXTS answers QUERY, as the model says it: higher is better, no bounds."""
        pairs = [(query, text) for text in texts]
        scores = self._model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)
        return [float(score) for score in scores]


def not_one(name: str) -> ModelError:
    return ModelError(
        "model-kind",
        f"{name} is no cross-encoder: its config.json must name an architecture that ends with "
        f"{_ENDING}, with one label.",
    )
