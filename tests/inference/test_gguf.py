import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import ModelError
from inference.gguf import MAX_ITEMS, MAX_PAIRS, read_header
from tests.inference.parts import SMALL, gguf, pair, text


def _write(folder: Path, data: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return path


def test_header_is_read_as_data(tmp_path: Path) -> None:
    header = read_header(_write(tmp_path, SMALL))

    assert (header.architecture, header.name, header.licence) == ("qwen2", "Small", "mit")
    assert header.context == 2048
    assert "raise_exception" in header.template


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends inside|past its end"),
        (b"PK\x03\x04" + bytes(60), "letters GGUF"),
        (gguf(version=1), "version 1"),
        (gguf(version=2**31), "version"),
        (gguf(count=MAX_PAIRS + 1), "number of fields"),
        (gguf(count=2**63), "number of fields"),
        (gguf(struct.pack("<Q", 2**40)), "text length"),
        (gguf(text("k") + struct.pack("<I", 8) + struct.pack("<Q", 2**62)), "text length"),
        (gguf(text("k") + struct.pack("<IIQ", 9, 4, 2**60)), "list length"),
        (gguf(text("k") + struct.pack("<IIQ", 9, 4, MAX_ITEMS)), "past its end"),
        (gguf(text("k") + struct.pack("<I", 99)), "unknown type 99"),
        (gguf(text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 20), "unknown type 9"),
        (gguf(pair("general.name", "no architecture")), "architecture"),
        (SMALL[:-10], "past its end"),
    ],
)
def test_hostile_headers_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        read_header(_write(tmp_path, data))
    assert caught.value.code == "model-damaged"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read_header(tmp_path / "none.gguf")
    assert caught.value.code == "model-missing"


@given(st.binary(max_size=400), st.integers(0, len(SMALL)))
def test_no_bytes_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.gguf"
    path.write_bytes(SMALL[:cut] + data)
    try:
        read_header(path)
    except ModelError as error:
        assert error.code == "model-damaged"


def test_texts_that_nobody_asks_for_are_not_held(tmp_path: Path) -> None:
    texts = [pair(f"note.{number}", "x" * 1_000_000) for number in range(40)]
    file = _write(tmp_path, gguf(pair("general.architecture", "llama"), *texts))
    tracemalloc.start()
    assert read_header(file).architecture == "llama"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
