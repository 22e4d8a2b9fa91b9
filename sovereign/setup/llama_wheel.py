"""llama-cpp-python: built once from its source archive, kept as a wheel outside the checkout."""

import hashlib
import platform
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import machine
from commands import run_logged
from tell import SetupError, Teller

VERSION = "0.3.36"
SDIST_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
#: GGML_NATIVE off: else the wheel fits only the CPU that built it. The rest leaves out what is unused.
FIRST = ("-DGGML_NATIVE=OFF",)
AVX2 = ("-DGGML_AVX2=ON", "-DGGML_FMA=ON", "-DGGML_F16C=ON", "-DGGML_BMI2=ON")
AVX512 = (*AVX2, "-DGGML_AVX512=ON", "-DGGML_AVX512_VBMI=ON", "-DGGML_AVX512_VNNI=ON")
#: By what machine.instructions() calls them.
CPU = {"avx512": AVX512, "avx2": AVX2, "plain": ()}
LAST = (
    "-DLLAMA_CURL=OFF",
    "-DLLAVA_BUILD=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
)
_OBJECT = re.compile(r"\[(\d+)/(\d+)\]")


def flags(cpu: str, cuda: str = "") -> tuple[str, ...]:
    """The CMake options. `cpu`: "avx512", "avx2", or "plain", which runs on any (and is slower).

    `cuda`: the generations of NVIDIA's cards that it is built for, as CMake names them.
    """
    cards = ("-DGGML_CUDA=ON", f"-DCMAKE_CUDA_ARCHITECTURES={cuda}") if cuda else ()
    return FIRST + CPU[cpu] + cards + LAST


def folder(cache: Path, cpu: str, cuda: str = "") -> Path:
    """Where the wheel of these flags lies: version, a readable tag and a hash are in the name."""
    digest = hashlib.sha256(" ".join(flags(cpu, cuda)).encode()).hexdigest()[:8]
    kind = cpu + ("-cuda" if cuda else "")
    tag = f"{platform.system().lower()}-{platform.machine()}-{kind}"
    return cache / "wheels" / f"llama-cpp-python-{VERSION}-{tag}-{digest}"


def cached(cache: Path, cpu: str, cuda: str = "") -> Path | None:
    """The wheel that an earlier set-up built with the same flags, or None."""
    wheels = sorted(folder(cache, cpu, cuda).glob(f"llama_cpp_python-{VERSION}-*.whl"))
    return wheels[0] if wheels else None


def build_command(python: Path, requirement: Path, target: Path) -> list[str]:
    return [
        *(str(python), "-m", "pip", "wheel", "-v", "--progress-bar", "off"),
        # pip keeps what it built by name and version alone: it would give one with other flags.
        "--no-cache-dir",
        *("--no-deps", "--no-binary", "llama-cpp-python", "--require-hashes"),
        *("--wheel-dir", str(target), "-r", str(requirement)),
    ]


def build_env(cpu: str, cuda: str = "") -> dict[str, str]:
    return {
        "CMAKE_ARGS": " ".join(flags(cpu, cuda)),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(machine.cores()),
        # ninja prints each object on a line of its own where its output is not a terminal.
        "NINJA_STATUS": "[%f/%t] ",
    }


def objects_built(line: str) -> str | None:
    """`[12/140] Building CXX object ...` -> "12 of 140 files compiled"."""
    match = _OBJECT.search(line)
    return f"{match[1]} of {match[2]} files compiled" if match else None


def build(python: Path, cache: Path, cpu: str, log: Path, teller: Teller, cuda: str = "") -> Path:
    """Build the wheel and return it. An interrupted build leaves nothing behind in the cache."""
    home = folder(cache, cpu, cuda)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sovereign-build-") as scratch:
        requirement = Path(scratch) / "llama.txt"
        requirement.write_text(f"llama-cpp-python=={VERSION} --hash=sha256:{SDIST_SHA256}\n")
        run_logged(
            build_command(python, requirement, Path(scratch) / "out"),
            log=log,
            teller=teller,
            env=build_env(cpu, cuda),
            progress=objects_built,
            failure="llama-cpp-python could not be built.",
        )
        return _keep(sorted((Path(scratch) / "out").glob("*.whl")), home)


def best_cached(cache: Path, cpu: str) -> tuple[Path, str] | None:
    """The fastest wheel in the cache that runs on such a CPU, and what it was built for."""
    kinds = list(CPU)
    for kind in kinds[kinds.index(cpu) :]:
        if wheel := cached(cache, kind):
            return wheel, kind
    return None


def _keep(built: Sequence[Path], home: Path) -> Path:
    if len(built) != 1:
        raise SetupError("The build of llama-cpp-python left no wheel.")
    home.mkdir(exist_ok=True)
    # Renamed inside the folder, so that a half-copied wheel is never taken for a whole one.
    part = home / f".{built[0].name}.part"
    shutil.copyfile(built[0], part)
    return part.rename(home / built[0].name)
