"""Text embedders through sentence-transformers, from a local folder and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.errors import ModelError
from inference.formats import refuse_code
from inference.protocol import Vectors

#: Texts that go through the network together. Larger gains nothing on a CPU and blocks for longer.
BATCH = 8


def refuse_pickles(folder: Path) -> None:
    """Raise ModelError(`model-unsafe`, `model-missing`): what can run code, or no weights."""
    refuse_code(folder)
    if not (folder / "model.safetensors").is_file():
        raise ModelError("model-missing", f"{folder} has no model.safetensors. Fetch it again.")


class SentenceEncoder:
    """An embedder in a folder of sentence-transformers' format.

    Vectors are float32, (texts, dimension), of length 1. What the model wants in front of queries
    and passages comes from the folder's own configuration. Texts beyond `max_tokens` are cut.
    """

    def __init__(self, name: str, folder: Path, threads: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        refuse_pickles(folder)
        torch.set_num_threads(threads)
        self.name = name
        self._model = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            # fp16 weights would also be run as fp16, six times slower on a CPU.
            model_kwargs={"dtype": "float32", "use_safetensors": True},
        ).eval()
        self._prompts = {key: text or "" for key, text in (self._model.prompts or {}).items()}
        self.dimension = int(self._model.get_embedding_dimension())
        self.max_tokens = int(self._model.max_seq_length)

    def count(self, text: str) -> int:
        tokens: list[int] = self._model.tokenizer(
            text, add_special_tokens=False, verbose=False
        ).input_ids
        return len(tokens)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._prompts.get("query", ""))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._prompts.get("document", ""))

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        """One prefix for all; sentence-transformers sorts by length, so that little is padded."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode(
            [prompt + text.strip() for text in texts],
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)
