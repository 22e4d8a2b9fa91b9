"""Embedding as a share of what plain matrix products reach on the same core.

    python -m bench.embedding [--embedder NAME] [--texts 64]

One thread. Counts the multiplications and additions of the network's matrix products (projections,
feed-forward, attention), divides by CPU seconds, and does the same for products of the same shapes
alone. Tokens that padding adds are counted as waste, not as work.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def texts_of(samples: Path, count: int) -> list[str]:
    """Passages of the sample documents as they are embedded."""
    from ingest.chunk import chunk_document
    from ingest.guard import detect_media_type
    from ingest.parsers.base import Limits
    from ingest.parsers.registry import parser_for

    found: list[str] = []
    for file in sorted(
        each for each in samples.rglob("*") if each.suffix in {".md", ".pdf", ".docx"}
    ):
        parsed = parser_for(detect_media_type(file, file.name)).parse(file, Limits())
        found += [
            f"{each.context}\n{each.text}" for each in chunk_document(parsed, title=file.stem)
        ]
    return (found * (1 + count // max(1, len(found))))[:count]


def seconds_of(work: Callable[[], object], least: float = 3.0) -> float:
    """CPU seconds of one call: the best of several, after one that warms up."""
    work()
    best, spent = float("inf"), 0.0
    while spent < least:
        started = time.process_time()
        work()
        taken = time.process_time() - started
        best, spent = min(best, taken), spent + taken
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--embedder", default="multilingual-e5-small")
    parser.add_argument("--texts", type=int, default=64)
    options = parser.parse_args()
    import django

    django.setup()
    import torch
    from django.conf import settings

    from inference.encoders import SentenceEncoder

    encoder = SentenceEncoder(options.embedder, Path(settings.MODELS_DIR) / options.embedder, 1)
    config = encoder._model[0].auto_model.config
    hidden, wide, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    texts = texts_of(Path(settings.SAMPLES_DIR), options.texts)
    lengths = [min(encoder.max_tokens, encoder.count(text) + 6) for text in texts]
    flops = sum(
        layers * (2 * n * (4 * hidden * hidden + 2 * hidden * wide) + 4 * n * n * hidden)
        for n in lengths
    )
    embedding = seconds_of(lambda: encoder.embed_passages(texts))
    tokens = 8 * (sum(lengths) // len(lengths))
    left, up, down = torch.rand(tokens, hidden), torch.rand(hidden, wide), torch.rand(wide, hidden)
    products = seconds_of(lambda: (left @ up) @ down)
    peak = 4 * tokens * hidden * wide / products
    result = {
        "embedder": options.embedder,
        "texts": len(texts),
        "tokens a text": round(sum(lengths) / len(lengths)),
        "texts a CPU s": round(len(texts) / embedding, 1),
        "GFLOP/s embedding": round(flops / embedding / 1e9, 1),
        "GFLOP/s plain products": round(peak / 1e9, 1),
        "share": round(flops / embedding / peak, 2),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
