"""The virtual environment: made once, filled from the pinned requirements, stamped when complete."""

import hashlib
import json
import platform
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import llama_wheel
import machine
import pipsettings
from commands import run_logged
from tell import SetupError, Teller

UV = "uv==0.13.9"
TORCH = "torch==2.13.0"
TRY_AGAIN = "Check the network (or your package mirror in pip's configuration) and run it again."


@dataclass(frozen=True)
class Environment:
    """One `.venv` and what belongs in it."""

    root: Path
    cache: Path
    log: Path
    with_tests: bool

    @property
    def home(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.home / ".sovereign-stamp"

    def requirements(self, with_tests: bool) -> list[Path]:
        names = ["torch.txt", "base.txt"] + (["dev.txt"] if with_tests else [])
        return [self.root / "requirements" / name for name in names]

    def wanted(self, with_tests: bool) -> dict[str, str]:
        """What a finished environment is stamped with; any change means: install again."""
        digest = hashlib.sha256()
        for file in self.requirements(with_tests):
            digest.update(file.read_bytes())
        return {
            "python": platform.python_version(),
            "place": str(self.home),
            "requirements": digest.hexdigest(),
            "engine": wanted_engine(self.cache, for_tests=with_tests),
        }

    def complete(self) -> bool:
        """True when nothing has to be installed. One with the test packages serves without, too."""
        try:
            found = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return found == self.wanted(True) or (not self.with_tests and found == self.wanted(False))


def wanted_engine(cache: Path, *, for_tests: bool = False) -> str:
    """The name of the engine that this machine should get: for tests, one that needs no build."""
    cpu = machine.instructions()
    found = llama_wheel.best_cached(cache, cpu)
    if machine.has_compiler() and not (for_tests and found):
        return llama_wheel.folder(cache, cpu).name
    return llama_wheel.folder(cache, found[1]).name if found else "xllamacpp"


_NAME = f"llama-cpp-python {llama_wheel.VERSION}"


def make(env: Environment, teller: Teller) -> None:
    """Make `.venv`, or make it anew where it was made by another Python or moved."""
    if _usable(env):
        teller.done(f"{env.home} is there")
        return
    if env.home.is_symlink():
        # The library would empty the folder that it leads to, and then fail.
        raise SetupError(f"{env.home} is a link to another folder's environment. Remove the link.")
    try:
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(env.home)
    except OSError as error:
        raise SetupError(f"{env.home} could not be made: {error.strerror}.") from error
    teller.done(f"made {env.home}")


def _usable(env: Environment) -> bool:
    config = env.home / "pyvenv.cfg"
    pip = env.home / "bin" / "pip"
    try:
        if not (env.python.exists() and config.exists() and pip.exists()):
            return False
    except PermissionError:
        return False  # copied from another user, whose Python this one may not run
    series = f"version = {sys.version_info.major}.{sys.version_info.minor}."
    # pip's first line names the interpreter: another path there means that the folder was moved.
    first = pip.read_text(encoding="utf-8", errors="replace").splitlines()[0]
    return series in config.read_text(encoding="utf-8") and str(env.home) in first


def _pip(env: Environment) -> list[str | Path]:
    return [env.python, "-m", "pip", "install", "--progress-bar", "off"]


def install(env: Environment, teller: Teller) -> None:
    """Install torch first (alone it decides between a CPU and a CUDA build), then the pinned rest."""
    env.stamp.unlink(missing_ok=True)
    settings = pipsettings.read(env.python)
    cpu_torch = pipsettings.offered_cpu_torch(settings, TORCH.partition("==")[2])
    pins = _pins(env)
    if cpu_torch:
        _run(env, teller, [*_pip(env), UV], "uv could not be installed.")
        uv: list[str | Path] = [env.home / "bin" / "uv", "pip", "install", "--python", env.python]
        _run(env, teller, [*uv, "--no-deps", TORCH], "torch could not be installed.", settings)
        _run(env, teller, [*uv, *pins], "The packages could not be installed.", settings)
        return
    if platform.machine() == "x86_64":
        teller.note(
            "pip offers no CPU build of torch for this Python: it takes the CUDA build "
            "(several GB). `pip config set global.find-links FOLDER` with a CPU wheel avoids that."
        )
    _run(env, teller, [*_pip(env), TORCH], "torch could not be installed.")
    _run(env, teller, [*_pip(env), *pins], "The packages could not be installed.")


def _pins(env: Environment) -> list[str | Path]:
    files = [file for file in env.requirements(env.with_tests) if file.name != "torch.txt"]
    return ["--no-deps", "--require-hashes", *(part for file in files for part in ("-r", file))]


def _run(
    env: Environment,
    teller: Teller,
    command: list[str | Path],
    failure: str,
    settings: pipsettings.PipSettings | None = None,
) -> None:
    run_logged(
        command,
        log=env.log,
        teller=teller,
        env=settings.for_uv() if settings else None,
        progress=what_is_installed,
        failure=f"{failure} {TRY_AGAIN}",
    )


def what_is_installed(line: str) -> str | None:
    """The short form of a line of pip or uv: what it is at."""
    for start in (
        "Collecting ",
        "Downloading ",
        "Installing ",
        "Prepared ",
        "Resolved ",
        "Installed ",
    ):
        if line.startswith(start):
            return line.split(" (from")[0][:60]
    return None


def install_engine(env: Environment, teller: Teller) -> str:
    """Install the engine and return a sentence that says which one it is and where it came from."""
    cpu = machine.instructions()
    found = llama_wheel.best_cached(env.cache, cpu)
    if found and (env.with_tests or found[1] == cpu):
        return _install_cached(env, teller, *found)
    if machine.has_compiler():
        try:
            wheel = llama_wheel.build(env.python, env.cache, cpu, env.log, teller)
            _install_wheel(env, teller, wheel)
            return f"{_NAME} for {cpu}, built and kept in {wheel.parent}"
        except SetupError as error:
            teller.note(str(error))
    else:
        teller.note("No C++ compiler here (Debian: apt install g++ make cmake).")
    return _install_cached(env, teller, *found) if found else _install_prebuilt(env, teller)


def _install_cached(env: Environment, teller: Teller, wheel: Path, cpu: str) -> str:
    _install_wheel(env, teller, wheel)
    return f"{_NAME} for {cpu}, from the cache"


def _install_wheel(env: Environment, teller: Teller, wheel: Path) -> None:
    options = ["--no-deps", "--no-index", "--force-reinstall"]
    _run(env, teller, [*_pip(env), *options, wheel], "The built wheel could not be installed.")


def _install_prebuilt(env: Environment, teller: Teller) -> str:
    pinned = env.root / "requirements" / "xllamacpp.txt"
    options: list[str | Path] = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        pinned,
    ]
    _run(env, teller, [*_pip(env), *options], "xllamacpp could not be installed.")
    return "xllamacpp's prebuilt wheel (slower to start, otherwise the same answers)"


def finish(env: Environment) -> None:
    """Stamp the environment as complete; written last, so an interrupted run goes on next time."""
    env.stamp.write_text(json.dumps(env.wanted(env.with_tests), indent=1), encoding="utf-8")
