"""The order of a start: folders, lock, socket, database, processes, address; then watch."""

from collections.abc import Sequence
from contextlib import ExitStack

from django.conf import settings

from sovereign.launcher import gates, listening, lock, prepare, services, state, walls
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Inside, Process, Spec
from sovereign.launcher.say import say
from sovereign.launcher.supervisor import Supervisor

BROKER_SECONDS = 30.0
WEB_SECONDS = 120.0

_READY_LINES = {
    "models": "The models are loaded: answers are written from now on.",
    "worker": "The worker is ready: documents are being read.",
    "chroma": "The vector store is ready.",
}


def run() -> int:
    """Run until a signal. Returns the exit code."""
    prepare.folders()
    with ExitStack() as held:
        held.enter_context(lock.take(settings.DATA_DIR / "launcher.lock"))
        listener = held.enter_context(listening.open_socket(settings.LISTEN))
        for name in state.end_leftovers(settings.RUN_DIR):
            say(f"Ended {name}, left over from a launcher that was killed.")
        held.callback((settings.RUN_DIR / "chroma.url").unlink, missing_ok=True)
        wall = held.enter_context(walls.build(listener))
        opened = held.enter_context(gates.Gates(wall))
        with Supervisor(
            settings.RUN_DIR,
            listening.url(settings.LISTEN),
            services.base_env(wall),
            Inside(wall.room.enter if wall.room else None, walls.kernel_confines()),
            wall.stands,
        ) as watcher:
            specs = [*opened.specs(), *services.specs(listener.fileno(), wall)]
            if _start(watcher, specs, services.samples_spec(wall)):
                watcher.watch(_report)
            say("\nStopping ...")
        say("Stopped: no process is left.")
    return 0


def _start(watcher: Supervisor, specs: Sequence[Spec], samples: Spec) -> bool:
    """Start everything, what a person waits for first. False: a signal came before the end.

    The stores start beside the preparations; the models and the worker, which would take both cores
    of a small machine, only when the web process answers. It says so until they are ready.
    """
    for spec in specs:
        watcher.add(spec)
    for process in list(watcher.processes):
        if process.spec.name.startswith("gate-") or process.spec.name in ("valkey", "chroma"):
            watcher.start(process)
    prepare.everything()
    prepare.record_start()
    link = prepare.first_link()
    if not (_wait(watcher, "valkey", BROKER_SECONDS) and _start_one(watcher, "web")):
        return False
    if not _wait(watcher, "web", WEB_SECONDS):
        return False
    _announce(watcher, link)
    for name in ("models", "worker"):
        _start_one(watcher, name)
    watcher.start(watcher.add(samples))
    return True


def _named(watcher: Supervisor, name: str) -> list[Process]:
    """The process of that name, or none where a setting moved it to another machine."""
    return [process for process in watcher.processes if process.spec.name == name]


def _start_one(watcher: Supervisor, name: str) -> bool:
    for process in _named(watcher, name):
        watcher.start(process)
    return not watcher.stopping


def _wait(watcher: Supervisor, name: str, seconds: float) -> bool:
    waited_for = _named(watcher, name)
    if watcher.wait_for(waited_for, seconds):
        return True
    if watcher.stopping:
        return False
    raise LaunchError(
        f"{name} did not answer within {seconds:.0f} s: see {waited_for[0].spec.log}."
    )


def _announce(watcher: Supervisor, link: str | None) -> None:
    say()
    say(f"  Sovereign is ready: {watcher.address}/")
    if link:
        say("  Nobody administers it yet. Open this link once to make the first administrator:")
        say(f"  {watcher.address}{link}")
    if _named(watcher, "models"):
        say("  The models are loading; until they are, answers quote the documents.")
    say("  Ctrl-C stops everything.")
    say()


def _report(process: Process) -> None:
    if process.restarts:
        say(f"{process.spec.name} is back.")
    elif line := _READY_LINES.get(process.spec.name):
        say(line)
