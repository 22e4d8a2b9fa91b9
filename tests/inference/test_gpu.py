"""How many layers go to graphics cards: by recorded sizes and free memory; no card is at hand here."""

import struct
from importlib.util import find_spec
from pathlib import Path

import pytest
from pytest_django import Settings

from inference import choose, gpu
from inference.errors import ModelError
from inference.gpu import Device, layers_that_fit
from inference.model import Model
from inference.tensors import Layout, read_layout
from tests.inference.parts import pair, text

GB = 1_000_000_000
#: Llama 3.1 8B in Q4_K_M, as its header has it: 32 layers, 4.92 GB, 128 KiB a token.
EIGHT_B = Layout((137_000_000,) * 32, 431_000_000, 128_256)
EIGHT_B_CELL = 131_072


def _gguf(*tensors: tuple[str, tuple[int, ...], int], data: int, count: int | None = None) -> bytes:
    fields = pair("general.architecture", "qwen2") + pair("general.alignment", 32)
    number = len(tensors) if count is None else count
    head = b"GGUF" + struct.pack("<IQQ", 3, number, 2) + fields
    for name, dimensions, offset in tensors:
        head += text(name) + struct.pack("<I", len(dimensions))
        head += struct.pack(f"<{len(dimensions)}Q", *dimensions) + struct.pack("<IQ", 12, offset)
    head += b"\0" * (-len(head) % 32)
    return head + b"\0" * data


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "m.gguf"
    file.write_bytes(content)
    return file


def test_sizes_follow_from_places(tmp_path: Path) -> None:
    content = _gguf(
        ("token_embd.weight", (64, 1000), 0),
        ("blk.1.ffn.weight", (64,), 640),
        ("blk.0.attn.weight", (64,), 320),
        ("blk.0.norm.weight", (64,), 512),
        ("output_norm.weight", (64,), 960),
        data=1024,
    )
    layout = read_layout(_file(tmp_path, content))
    assert layout == Layout((320, 320), 320 + 64, vocabulary=1000, parameters=64_192)


@pytest.mark.parametrize(
    "content",
    [
        b"GGUX",
        _gguf(("a", (1,), 64), data=32),
        _gguf(("a", (1,), 0), ("b", (1,), 2**63), data=32),
        _gguf(("a", (1,) * 9, 0), data=32),
        _gguf(("a", (1,), 0), data=0, count=60_000),
        _gguf(data=0, count=2**40),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match="model-damaged"):
        read_layout(_file(tmp_path, content))


@pytest.mark.parametrize(
    ("free", "cells", "layers"),
    [
        ([], 4096, 0),
        ([24], 4096, 33),
        ([24], 8 * 4096, 33),
        ([24], 40 * 4096, 27),
        ([8], 4096, 33),
        ([6], 4096, 30),
        ([1.5], 4096, 2),
        ([0], 4096, 0),
        ([8, 8], 16 * 4096, 33),
        ([24, 8], 16 * 4096, 33),
        ([80, 80], 64 * 4096, 33),
    ],
)
def test_layers_of_an_eight_b_model(free: list[float], cells: int, layers: int) -> None:
    cards = [Device(f"CUDA{n}", int(each * GB), int(each * GB)) for n, each in enumerate(free)]
    assert layers_that_fit(EIGHT_B, cells, EIGHT_B_CELL, cards) == layers


def test_more_memory_is_never_worse() -> None:
    found = [
        layers_that_fit(EIGHT_B, 4096, EIGHT_B_CELL, [Device("CUDA0", n * GB // 4, 24 * GB)])
        for n in range(100)
    ]
    assert found == sorted(found) and found[0] == 0 and found[-1] == 33


@pytest.mark.skipif(not find_spec("llama_cpp"), reason="NOT TESTED: llama-cpp-python is not built")
def test_without_a_card_all_layers_stay_here(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, _gguf(("blk.0.x", (1,), 0), data=32))
    if not gpu.devices():
        assert gpu.measured(file, 1024, 2, 0) == 0
    monkeypatch.setattr(gpu, "devices", lambda: [Device("CUDA0", 24 * GB, 24 * GB)])
    assert gpu.measured(file, 1024, 2, 0) == 2
    model = Model("m", "chat", str(tmp_path), {"m.gguf": ""}, 1, "", 1024, "chatml", "")
    for set_to, kind, expected in [(-1, "llama-cpp-python", 2), (7, "", 7), (-1, "xllamacpp", -1)]:
        settings.GPU_LAYERS = set_to
        assert choose._gpu_layers(kind, model) == expected
