"""How many layers of a model go to the graphics cards: as many as their free memory holds.

Which layer goes to which card is llama.cpp's own choice, by free memory; what it does is followed here,
so that the last card does not run over.
"""

import ctypes
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import structlog

from inference.gguf import read_header
from inference.plan import plan
from inference.tensors import Layout, read_layout

log = structlog.get_logger(__name__)

#: Bytes of a card that stay free: the driver's own context, buffers of matrices, other programs.
RESERVE, RESERVE_SHARE = 512_000_000, 0.05
#: Tokens of a step whose scores are held at once, in 32 bit floats.
_STEP, _SCORE_BYTES = 512, 4
_GPU = 1


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics card that the engine can use. Bytes."""

    name: str
    free: int
    total: int

    @property
    def usable(self) -> int:
        return max(0, self.free - RESERVE - int(self.total * RESERVE_SHARE))


def layers_that_fit(layout: Layout, cells: int, cell_bytes: int, devices: Sequence[Device]) -> int:
    """As `n_gpu_layers`: the last step counts as one. `cells`: tokens that the context holds."""
    count = len(layout.layers)
    if not devices or not count:
        return 0
    each = cells * cell_bytes // count
    sizes = [size + each for size in layout.layers]
    last = layout.output + layout.vocabulary * _STEP * _SCORE_BYTES
    for wanted in range(count + 1, 0, -1):
        # llama.cpp takes them from the end, the last step first.
        taken = [*sizes[count + 1 - wanted :], last]
        if _holds(taken, devices):
            return wanted
    return 0


def _holds(sizes: Sequence[int], devices: Sequence[Device]) -> bool:
    """Whether each card holds what llama.cpp puts there: shares of the layers by free memory."""
    free = sum(device.free for device in devices)
    bounds = [part / free for part in accumulate(device.free for device in devices)] if free else []
    held = [0] * len(devices)
    for place, size in enumerate(sizes):
        card = min(bisect_right(bounds, place / len(sizes)), len(devices) - 1)
        held[card] += size
    return all(taken <= device.usable for taken, device in zip(held, devices, strict=True))


def measured(file: Path, context: int, threads: int, parallel: int) -> int:
    """Layers of FILE that fit now, beside what the context and PARALLEL generations hold.

    Raises ModelError (`model-missing`, `model-damaged`).
    """
    found = devices()
    cell = read_header(file).cell_bytes
    cells = context if parallel == 1 else plan(cell, context, threads, parallel, gpu=True).cells
    layers = layers_that_fit(read_layout(file), cells, cell, found)
    free = {device.name: device.free for device in found}
    log.info("gpu_layers", layers=layers, free=free)
    return layers


def devices() -> list[Device]:
    """The cards that llama.cpp was built for and finds; none where it was built for the CPU alone."""
    import llama_cpp

    library = ctypes.CDLL(llama_cpp.llama_cpp._lib._name)
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_name.restype = ctypes.c_char_p
    for call in (library.ggml_backend_dev_name, library.ggml_backend_dev_type):
        call.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    found = [library.ggml_backend_dev_get(n) for n in range(library.ggml_backend_dev_count())]
    return [_device(library, each) for each in found if library.ggml_backend_dev_type(each) == _GPU]


def _device(library: ctypes.CDLL, device: int) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    memory = library.ggml_backend_dev_memory
    memory.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ctypes.c_size_t),
    ]
    memory(device, ctypes.byref(free), ctypes.byref(total))
    name = library.ggml_backend_dev_name(device) or b"?"
    return Device(name.decode(errors="replace"), free.value, total.value)
