"""Make an embedder's file of 8 bit integers (int8.py), once, when the model comes here.

What was made is kept only where its vectors are those of the original: a folder of another kind, or
one that some step here does not fit, is run in 32 bit floats as before.
"""

import gc
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from inference.encoders import SentenceEncoder, load
from inference.errors import ModelError
from inference.int8 import FILE, INPUTS, Int8Encoder, read_recipe
from inference.model import Model, read_json, sha256_of
from inference.registry import Registry

log = structlog.get_logger(__name__)

Say = Callable[[str], None]

#: The least cosine between a text's vector in integers and in floats.
ALIKE = 0.97
_OPSET = 17
#: What the libraries take that make it, beside several times the weights (measured: 3 GB for 470 MB).
_MEMORY = 500_000_000
_PROBES = (
    "",
    "How many days of leave do I have?",
    "Die Frist beginnt mit dem Zugang des Bescheids und endet nach zwei Wochen.",
    "Le congé est accordé par l'employeur, sauf motif grave.",
    "休暇の申請は二週間前までに提出してください。",
    "يجب تقديم الطلب قبل أسبوعين.",
    "SELECT * FROM t WHERE id = 7; -- 12.50 EUR",
    "All work on machines needs two people, and one of them is trained in first aid. " * 60,
)


def optimise(registry: Registry, model: Model, say: Say) -> bool:
    """Make and keep the file where it can be; False where it cannot, or is there. Never raises
    for a model that is not fit: SAY tells why it stays in floats."""
    if model.kind != "embedder" or model.members or registry.has_made(model.name, FILE):
        return False
    if Path(model.folder) != registry.folder / model.name:
        say(
            f"{model.name}: runs in 32 bit floats, since nothing is written to {model.folder}. "
            "Added with --copy it gets a file of 8 bit integers, which is about twice as fast."
        )
        return False
    say(f"{model.name}: making {FILE}, some seconds of work")
    try:
        _make(registry, model)
    except ModelError as error:
        say(f"{model.name}: runs in 32 bit floats. {error.detail}")
        return False
    return True


def _make(registry: Registry, model: Model) -> None:
    """Beside its place, then move it there in one step."""
    folder = Path(model.folder)
    read_recipe(folder)
    _check_memory(folder / "model.safetensors", _memory())
    with tempfile.TemporaryDirectory(prefix=".int8-", dir=registry.folder) as work:
        try:
            made = quantise(folder, Path(work))
            nearness = _nearness(folder, made)
        except Exception as error:
            # Models of companies: what their libraries raise is not foreseeable.
            log.warning("not_quantised", model=model.name, exc_info=True)
            why = f"It cannot be turned into 8 bit integers ({type(error).__name__})."
            raise ModelError("model-not-int8", why) from error
        if nearness < ALIKE:
            why = f"In 8 bit integers its vectors would be others (cosine {nearness:.2f})."
            raise ModelError("model-not-int8", why)
        registry.record_made(model.name, FILE, sha256_of(made))
        shutil.move(made, folder / FILE)


def _check_memory(weights: Path, there: float) -> None:
    """Killed in the middle, set-up would begin with it again at each start."""
    needed = _MEMORY + 6 * weights.stat().st_size
    if there < needed:
        raise ModelError(
            "model-not-int8",
            f"Making the file takes {needed / 1e9:.1f} GB of memory, and {there / 1e9:.1f} GB are "
            "free here. `manage.py models fetch` (for your own: `models add --copy`) tries again.",
        )


def _memory() -> float:
    """Bytes that this process may still take, by the machine and by its control group."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free = next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable"))
    group = Path("/sys/fs/cgroup")
    try:
        most, taken = (
            float((group / f"memory.{name}").read_text(encoding="ascii"))
            for name in ("max", "current")
        )
        return min(free, most - taken)
    except (OSError, ValueError):
        return free


def quantise(folder: Path, work: Path) -> Path:
    """The file, made in WORK from the weights in FOLDER; the same bytes each time on one machine."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    floats, made = work / "model.onnx", work / FILE
    with warnings.catch_warnings():
        # Of what the exporter supposes about networks in general; the vectors are compared below.
        warnings.simplefilter("ignore")
        _export(folder, floats)
    gc.collect()
    # It advises a step that other networks need.
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(
            floats,
            made,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            # 7 bits: without the newest instructions sums of 8 bits overflow.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_delicate(floats, read_json(folder / "config.json")),
        )
    finally:
        logging.disable(logging.NOTSET)
    floats.unlink()
    return made


def _delicate(network: Path, config: dict[str, Any]) -> list[str]:
    """The products that stay in floats: those that take the wide layer back to the narrow one.

    A few numbers of the wide layer are many times larger than the others, so a common scale rounds
    the others away: https://arxiv.org/abs/2211.10438. Without them an error is a third, at a fifth of
    the speed (docs/measuring.md).
    """
    import onnx

    graph = onnx.load(str(network), load_external_data=False).graph
    shape = [config.get("intermediate_size"), config.get("hidden_size")]
    narrowing = {each.name for each in graph.initializer if list(each.dims) == shape}
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul" and narrowing.intersection(node.input)
    ]


def _export(folder: Path, target: Path) -> None:
    import torch

    network = load(folder, attn_implementation="eager")[0].auto_model
    some = torch.ones((1, 7), dtype=torch.long)
    axes = {0: "texts", 1: "length"}
    torch.onnx.export(
        _hidden(network),
        (some, some),
        str(target),
        input_names=INPUTS,
        output_names=["hidden"],
        dynamic_axes=dict.fromkeys([*INPUTS, "hidden"], axes),
        opset_version=_OPSET,
        dynamo=False,
    )


def _hidden(network: Any) -> Any:
    """NETWORK, giving nothing but the last vectors of its tokens."""
    import torch

    class Hidden(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.network(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state

    return Hidden().eval()


def _nearness(folder: Path, made: Path) -> float:
    """The least cosine of all probes, as queries and as passages, of both runtimes."""
    ours, theirs = Int8Encoder("made", folder, 1, file=made), SentenceEncoder("made", folder, 1)
    cosines = [
        (ours.embed_queries(_PROBES) * theirs.embed_queries(_PROBES)).sum(axis=1),
        (ours.embed_passages(_PROBES) * theirs.embed_passages(_PROBES)).sum(axis=1),
    ]
    return float(min(each.min() for each in cosines))
