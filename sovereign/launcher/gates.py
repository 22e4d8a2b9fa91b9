"""The gates: for each outside address one listening socket inside and one forwarder outside."""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings

from sovereign.launcher.confined import Confined
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Spec
from sovereign.launcher.walls import Wall
from sovereign.settings.rundir import make_private
from wall.status import Gate

PROGRAM = Path(__file__).resolve().parent.parent.parent / "wall" / "gate.py"


def folder() -> Path:
    """Where each gate writes down its traffic."""
    return Path(settings.RUN_DIR) / "gates"


class Gates:
    """Opens the inner sockets at once and keeps them: callers wait while a forwarder restarts."""

    def __init__(self, wall: Wall) -> None:
        self._held = ExitStack()
        self._open: list[tuple[Gate, socket.socket]] = []
        if wall.room is None:
            return
        for gate in wall.status.gates:
            try:
                listener = wall.room.listen(gate["address"], gate["port"])
            except OSError as error:
                self._held.close()
                raise LaunchError(
                    f"The gate {gate['name']} cannot listen inside on {gate['address']} port "
                    f"{gate['port']} ({error.strerror})."
                ) from error
            self._open.append((gate, self._held.enter_context(listener)))

    def __enter__(self) -> "Gates":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def specs(self) -> list[Spec]:
        # Outside: a link that a program behind the wall laid here must lead nowhere.
        make_private(folder())
        for old in folder().glob("*.json"):
            old.unlink()
        return [_spec(gate, listener) for gate, listener in self._open]


def _spec(gate: Gate, listener: socket.socket) -> Spec:
    state = folder() / f"{gate['name']}.json"
    address = f"[{gate['address']}]" if ":" in gate["address"] else gate["address"]
    options = [
        *("--fd", str(listener.fileno()), "--name", gate["name"]),
        *("--to", f"{address}:{gate['port']}", "--state", str(state)),
    ]
    return Spec(
        name=f"gate-{gate['name']}",
        command=[sys.executable, "-I", str(PROGRAM), *options],
        log=Path(settings.DATA_DIR) / "logs" / f"gate-{gate['name']}.log",
        ready=state.is_file,
        descriptors=(listener.fileno(),),
        essential=True,
        confined=Confined("gate", connect=(gate["port"],), write=(folder(),)),
        inside=False,
    )
