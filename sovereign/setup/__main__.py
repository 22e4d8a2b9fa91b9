"""`python3 sovereign/setup`: everything from a fresh clone to a running product.

Standard library only: it runs before anything is installed, so it must not import `sovereign`.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import clean
import environment
import llama_wheel
import machine
import weights
from tell import SetupError, Teller

ROOT = Path(__file__).resolve().parent.parent.parent
INTERRUPTED = 130


def _folder(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).expanduser().absolute()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 sovereign/setup",
        description="Install what is missing, fetch the models, start Sovereign.",
    )
    parser.add_argument(
        "--for-tests",
        action="store_true",
        help="install the test packages and the small test model instead, and start nothing",
    )
    parser.add_argument("--clean-data", action="store_true", help="erase this installation's data")
    parser.add_argument(
        "--wheel-only",
        metavar="FOLDER",
        type=Path,
        help="build the engine's wheel into FOLDER and do nothing else (for the image)",
    )
    parser.add_argument(
        "--cpu",
        choices=tuple(llama_wheel.CPU),
        default="avx2",
        help="with --wheel-only: the instructions that every machine which runs it has (avx2)",
    )
    parser.add_argument(
        "--cuda",
        metavar="ARCHITECTURES",
        default="",
        help='with --wheel-only: for NVIDIA cards of these generations, such as "80;90"',
    )
    parser.add_argument("--no-start", action="store_true", help="install only")
    return parser.parse_args()


def _check_machine(env: environment.Environment, data: Path, starts: bool, teller: Teller) -> None:
    machine.check_not_running(data / "launcher.lock")
    for folder in (data, env.cache):
        machine.check_writable(folder)
    first = not env.complete()
    free = machine.check_disk(env.root, machine.FIRST_TIME_GIB if first else machine.LATER_GIB)
    machine.check_disk(env.cache, machine.LATER_GIB)
    listen = os.environ.get("SOVEREIGN_LISTEN") or "127.0.0.1:8000"
    if starts:
        machine.check_port(listen)
    teller.done(f"{free}, {machine.cores()} cores" + (f", {listen} is free" if starts else ""))


def _install(env: environment.Environment, teller: Teller) -> None:
    complete = env.complete()
    with teller.step("Virtual environment"):
        environment.make(env, teller)
    complete = complete and env.stamp.exists()
    with teller.step("Python packages"):
        if complete:
            teller.done("installed already")
        else:
            environment.install(env, teller)
            teller.done("installed")
    with teller.step("Model engine"):
        if complete:
            teller.done("installed already")
        else:
            teller.done(environment.install_engine(env, teller))
            environment.finish(env)


def _fetch_models(env: environment.Environment, teller: Teller) -> None:
    with teller.step("Models"):
        if weights.complete(env):
            teller.done("there already")
        elif weights.fetch(env, teller):
            teller.done("there, each file with the SHA-256 that it must have")
        elif env.with_tests:
            raise SetupError("The tests need the small model and the embedder: see above.")
        else:
            teller.done(
                "not all could be had (see above); without them answers quote the documents"
            )


def _wheel_only(target: Path, cache: Path, teller: Teller, cpu: str, cuda: str) -> None:
    with teller.step("Model engine"):
        wheel = llama_wheel.cached(cache, cpu, cuda) or llama_wheel.build(
            Path(sys.executable), cache, cpu, target / "build.log", teller, cuda
        )
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(wheel, target)
        teller.done(f"{wheel.name} is in {target}")


def run(options: argparse.Namespace, teller: Teller) -> None:
    if options.clean_data:
        clean.erase(_folder("SOVEREIGN_DATA_DIR", ROOT / "var"))
        return
    cache = _folder("SOVEREIGN_CACHE_DIR", Path("~/.cache/sovereign"))
    if options.wheel_only:
        _wheel_only(options.wheel_only, cache, teller, options.cpu, options.cuda)
        return
    starts = not (options.for_tests or options.no_start)
    data = _folder("SOVEREIGN_DATA_DIR", ROOT / "var")
    env = environment.Environment(
        root=ROOT,
        cache=cache,
        log=data / "logs" / "setup.log",
        with_tests=options.for_tests,
    )
    with teller.step("Python"):
        teller.done(machine.check_python())
    with teller.step("This machine"):
        _check_machine(env, data, starts, teller)
    _install(env, teller)
    _fetch_models(env, teller)
    if starts:
        with teller.step("Start"):
            teller.close()
            sys.stdout.flush()
            os.chdir(ROOT)
            os.execv(env.python, [str(env.python), "-m", "sovereign.launcher"])  # noqa: S606


def _steps(options: argparse.Namespace) -> int:
    if options.wheel_only:
        return 1
    return 6 if options.for_tests or options.no_start else 7


def main() -> int:
    options = _options()
    teller = Teller(total=_steps(options))
    try:
        run(options, teller)
    except SetupError as error:
        teller.close()
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        teller.close()
        print("\nStopped. Run it again: it goes on where it was.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
