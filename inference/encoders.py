"""Text embedders through sentence-transformers, from a local folder and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import ModelError
from inference.formats import refuse_code
from inference.protocol import Vectors

#: Texts that go through the network together. Larger gains nothing on a CPU and blocks for longer.
BATCH = 8
#: On a GPU; shorter requests are not waited for.
GPU_BATCH = 128


def refuse_pickles(folder: Path) -> None:
    """Raise ModelError(`model-unsafe`, `model-missing`): what can run code, or no weights."""
    refuse_code(folder)
    if not (folder / "model.safetensors").is_file():
        raise ModelError("model-missing", f"{folder} has no model.safetensors. Fetch it again.")


def load(folder: Path, *, device: str = "cpu", **options: str) -> Any:
    """The SentenceTransformer in FOLDER; OPTIONS are the network's. Raises ModelError."""
    from sentence_transformers import SentenceTransformer

    refuse_pickles(folder)
    return SentenceTransformer(
        str(folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        # fp16 weights would also be run as fp16, six times slower on a CPU.
        model_kwargs={"dtype": "float32", "use_safetensors": True, **options},
    ).eval()


class SentenceEncoder:
    """An embedder in a folder of sentence-transformers' format.

    Vectors are float32, (texts, dimension), of length 1. What the model wants in front of queries
    and passages comes from the folder's own configuration. Texts beyond `max_tokens` are cut.
    `gpu`: on the first GPU, in 16 bit floats.
    """

    def __init__(self, name: str, folder: Path, threads: int, *, gpu: bool = False) -> None:
        import torch

        torch.set_num_threads(threads)
        self.name = name
        self._batch = GPU_BATCH if gpu else BATCH
        self._model = load(folder, device="cuda", dtype="float16") if gpu else load(folder)
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
            batch_size=self._batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        found: Vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        # In 16 bits a length of 1 is right to three digits.
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return found
