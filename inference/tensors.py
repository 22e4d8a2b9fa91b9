"""How the bytes of a GGUF file lie: by layer, for what goes to a graphics card. Nothing of it is run."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelError
from inference.gguf import MAGIC, MAX_KEY_BYTES, MAX_PAIRS, Reader, damaged, pair

MAX_TENSORS = 65_536
_MAX_DIMENSIONS = 4
_ALIGNMENT = 32
_BLOCK = re.compile(r"^blk\.(\d{1,4})\.")


@dataclass(frozen=True, slots=True)
class Layout:
    """Bytes of each layer, of the last step (`output`), and how many tokens the model knows.

    `parameters`: those that each token is computed with.
    """

    layers: tuple[int, ...]
    output: int
    vocabulary: int
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    dimensions: tuple[int, ...]
    offset: int


def read_layout(path: Path) -> Layout:
    """Raises ModelError (`model-missing`, `model-damaged`)."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            reader = Reader(file, size)
            tensors = _tensors(reader)
            start = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
    except OSError as error:
        raise ModelError("model-missing", f"{path} cannot be read: {error.strerror}.") from error
    return _layout(tensors, size - start)


def _tensors(reader: Reader) -> list[_Tensor]:
    if reader.take(4) != MAGIC or int(reader.number("I")) not in (2, 3):
        raise damaged("it does not begin as one")
    count = reader.length(MAX_TENSORS, "a number of tensors")
    for _ in range(reader.length(MAX_PAIRS, "a number of fields")):
        pair(reader)
    return [_tensor(reader) for _ in range(count)]


def _tensor(reader: Reader) -> _Tensor:
    name = reader.text(MAX_KEY_BYTES)
    count = int(reader.number("I"))
    if count > _MAX_DIMENSIONS:
        raise damaged("a tensor has too many dimensions")
    dimensions = tuple(int(reader.number("Q")) for _ in range(count))
    reader.number("I")  # its type: sizes follow from the places
    return _Tensor(name, dimensions, int(reader.number("Q")))


def _layout(tensors: list[_Tensor], room: int) -> Layout:
    """A tensor ends where the next one begins."""
    placed = sorted(tensors, key=lambda tensor: tensor.offset)
    ends = [tensor.offset for tensor in placed[1:]] + [room]
    sizes: dict[str, int] = {}
    for tensor, end in zip(placed, ends, strict=True):
        if not tensor.offset <= end <= room:
            raise damaged("a tensor lies outside of it")
        sizes[tensor.name] = end - tensor.offset
    layers: dict[int, int] = {}
    for name, size in sizes.items():
        if found := _BLOCK.match(name):
            layers[int(found[1])] = layers.get(int(found[1]), 0) + size
    words = next((t.dimensions for t in tensors if t.name == "token_embd.weight"), ())
    # Where words in and out share their weights, the last step has a copy of them.
    output = sizes.get("output.weight", sizes.get("token_embd.weight", 0))
    output += sizes.get("output_norm.weight", 0)
    last = "output.weight" if "output.weight" in sizes else "token_embd.weight"
    used = [t for t in tensors if _BLOCK.match(t.name) or t.name == last]
    return Layout(
        tuple(layers[n] for n in sorted(layers)),
        output,
        words[1] if words[1:] else 0,
        sum(math.prod(tensor.dimensions) for tensor in used),
    )
