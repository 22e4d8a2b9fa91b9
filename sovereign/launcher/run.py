"""The order of a start: folders, lock, socket, database, processes, address; then watch."""

import time
from contextlib import ExitStack

from django.conf import settings

from sovereign.launcher import listening, lock, prepare, services, state
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Process, Spec, State
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
        _prepare()
        address = listening.url(settings.LISTEN)
        watcher = Supervisor(settings.RUN_DIR, address, services.base_env())
        held.callback((settings.RUN_DIR / "chroma.url").unlink, missing_ok=True)
        with watcher:
            if _start(watcher, listener.fileno()):
                _announce(watcher, address)
                watcher.start(services.samples_spec())
                watcher.watch(lambda process: _report(watcher, process))
            say("\nStopping ...")
        say("Stopped: no process is left.")
    return 0


def _prepare() -> None:
    prepare.tables()
    prepare.static_files()
    prepare.translations()
    prepare.administrator()


def _start(watcher: Supervisor, descriptor: int) -> bool:
    """Start everything; only the broker is waited for before the rest, and the web process at last.

    False: a signal came first. The slow ones (vectors, models) become ready in the background; the
    others try again until they are.
    """
    if (broker := services.broker_spec()) and not _wait(watcher, broker, BROKER_SECONDS):
        return False
    for make in (services.vectors_spec, services.models_spec, services.worker_spec):
        if spec := make():
            watcher.start(spec)
    return _wait(watcher, services.web_spec(descriptor), WEB_SECONDS)


def _wait(watcher: Supervisor, spec: Spec, seconds: float) -> bool:
    started = time.monotonic()
    if watcher.wait_for([watcher.start(spec)], seconds):
        return True
    if watcher.stopping:
        return False
    raise LaunchError(
        f"{spec.name} did not answer within {time.monotonic() - started:.0f} s: see {spec.log}."
    )


def _announce(watcher: Supervisor, address: str) -> None:
    say()
    say(f"  Sovereign is ready: {address}/")
    if path := prepare.first_link():
        say("  Nobody administers it yet. Open this link once to make the first administrator:")
        say(f"  {address}{path}")
    slow = [each.spec.name for each in watcher.processes if each.state is not State.READY]
    if "models" in slow:
        say("  The models are loading; until they are, answers quote the documents.")
    say("  Ctrl-C stops everything.")
    say()


def _report(watcher: Supervisor, process: Process) -> None:
    if process.restarts:
        say(f"{process.spec.name} is back.")
    elif line := _READY_LINES.get(process.spec.name):
        say(line)
