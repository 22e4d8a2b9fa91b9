"""Read the header of a GGUF file: a few fields, as data. Nothing in the file is run.

The format: magic, version, counts, then key-value pairs (the GGUF specification of ggml, versions
2 and 3, little endian). A file comes from outside, so each length is checked before it is used.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inference.errors import ModelError

MAGIC = b"GGUF"
MAX_PAIRS = 4_096
MAX_KEY_BYTES = 1_024
MAX_STRING_BYTES = 1_048_576
MAX_ITEMS = 4_194_304
MAX_DEPTH = 2
MAX_HEADER_BYTES = 268_435_456
#: Sizes beyond it are damage: none of them says how much is read.
_MOST = 2**31

_TEXTS = frozenset(
    {
        *("general.architecture", "general.name", "general.license", "general.type"),
        *("tokenizer.chat_template", "adapter.type"),
    }
)

_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """`template` is the chat template's text: read to guess the family, never rendered."""

    version: int
    architecture: str
    name: str
    licence: str
    context: int
    template: str
    #: `model` or `adapter`; an adapter's `architecture` is that of the model that it is for.
    type: str = "model"
    #: Of an adapter: `lora` is the one that is known.
    adapter: str = ""
    #: Bytes that a token of the context takes: keys and values of all layers.
    cell_bytes: int = 0


class Reader:
    """Bounded reads from the header of one file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = min(size, MAX_HEADER_BYTES)

    def take(self, count: int) -> bytes:
        self._spend(count)
        data = self._file.read(count)
        if len(data) != count:
            raise damaged("it ends inside its header")
        return data

    def skip(self, count: int) -> None:
        self._spend(count)
        self._file.seek(count, 1)

    def number(self, code: str) -> int | float:
        value: int | float = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]
        return value

    def length(self, most: int, what: str) -> int:
        value = int(self.number("Q"))
        if value > most:
            raise damaged(f"{what} of {value} is over the limit of {most}")
        return value

    def text(self, most: int) -> str:
        return self.take(self.length(most, "a text length")).decode("utf-8", errors="replace")

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise damaged("a length points past its end")


def damaged(reason: str) -> ModelError:
    return ModelError(
        "model-damaged", f"This is not a GGUF file that can be used: {reason}. Copy it again."
    )


def read_header(path: Path) -> GgufHeader:
    """Return what the header of PATH says. Raises ModelError (`model-missing`, `model-damaged`)."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _header(Reader(file, size))
    except OSError as error:
        raise ModelError("model-missing", f"{path} cannot be read: {error.strerror}.") from error


def _header(reader: Reader) -> GgufHeader:
    if reader.take(4) != MAGIC:
        raise damaged("it does not begin with the letters GGUF")
    version = int(reader.number("I"))
    if version not in (2, 3):
        raise damaged(f"its version {version} is neither 2 nor 3")
    reader.number("Q")  # the number of tensors: not needed
    pairs = reader.length(MAX_PAIRS, "a number of fields")
    found = (pair(reader) for _ in range(pairs))
    # A header of texts that nobody asks for would be held as a gigabyte.
    kept = {key: value for key, value in found if not isinstance(value, str) or key in _TEXTS}
    return _fields(version, kept)


def pair(reader: Reader) -> tuple[str, object]:
    key = reader.text(MAX_KEY_BYTES)
    return key, _value(reader, int(reader.number("I")), 0)


def _value(reader: Reader, kind: int, depth: int) -> object:
    if kind in _SCALARS:
        return reader.number(_SCALARS[kind])
    if kind == _STRING:
        return reader.text(MAX_STRING_BYTES)
    if kind == _ARRAY and depth < MAX_DEPTH:
        _skip_array(reader, depth)
        return None
    raise damaged(f"a field has the unknown type {kind}")


def _skip_array(reader: Reader, depth: int) -> None:
    kind = int(reader.number("I"))
    items = reader.length(MAX_ITEMS, "a list length")
    if kind in _SCALARS:
        reader.skip(items * struct.calcsize(f"<{_SCALARS[kind]}"))
        return
    for _ in range(items):
        if kind == _STRING:
            reader.skip(reader.length(MAX_STRING_BYTES, "a text length"))
        else:
            _value(reader, kind, depth + 1)


def _fields(version: int, found: dict[str, object]) -> GgufHeader:
    def text(key: str) -> str:
        value = found.get(key, "")
        return value if isinstance(value, str) else ""

    architecture = text("general.architecture")
    if not architecture:
        raise damaged("it does not name its architecture")

    def number(key: str) -> int:
        value = found.get(f"{architecture}.{key}", 0)
        return value if type(value) is int and 0 < value < _MOST else 0

    return GgufHeader(
        version=version,
        architecture=architecture,
        name=text("general.name"),
        licence=text("general.license"),
        context=number("context_length"),
        template=text("tokenizer.chat_template"),
        type=text("general.type") or "model",
        adapter=text("adapter.type"),
        cell_bytes=_cell_bytes(number),
    )


def _cell_bytes(number: Callable[[str], int]) -> int:
    """In 16 bit floats. Where heads differ from layer to layer, as for models with as many as heads."""
    heads = number("attention.head_count") or 1
    width = number("embedding_length") // heads
    keys = number("attention.key_length") or width
    values = number("attention.value_length") or width
    return (
        number("block_count") * (number("attention.head_count_kv") or heads) * (keys + values) * 2
    )
