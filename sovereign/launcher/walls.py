"""Which wall holds around the processes: build the strongest that the kernel allows, and say which."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from sovereign.launcher.errors import LaunchError
from sovereign.launcher.listening import free_port
from wall import door, facts, hosts, landlock, seccomp, status
from wall.hosts import GateError, Wanted
from wall.join import start_ticks
from wall.room import NoRoom, Plan, Room
from wall.status import Gate, Status

#: Inside, where no other program is, the vector store has the same port at every start.
CHROMA_PORT = 8001


class Wall:
    """What stands around the processes. `room` is None where no namespace could be had."""

    def __init__(self, room: Room | None, said: Status) -> None:
        self.room = room
        self.status = said
        taken = {gate["port"] for gate in said.gates}
        inside = next(port for port in range(CHROMA_PORT, 65_536) if port not in taken)
        self.chroma_port = inside if room else free_port()

    def __enter__(self) -> "Wall":
        status.write(Path(settings.RUN_DIR), self.status)
        return self

    def __exit__(self, *_: object) -> None:
        status.remove(Path(settings.RUN_DIR))
        if self.room:
            self.room.close()

    def stands(self) -> bool:
        """False when the process that holds the namespaces has ended."""
        return self.room is None or self.room.alive()

    @property
    def temporary(self) -> str:
        """Where the processes put temporary files: the own folder inside, the machine's elsewhere."""
        return "/tmp" if self.room else tempfile.gettempdir()  # noqa: S108 (the own one, inside)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of the outside addresses."""
        return tuple(sorted({gate["port"] for gate in self.status.gates}))


def build(listener: socket.socket) -> Wall:
    """Raises LaunchError where less holds than SOVEREIGN_REQUIRE_WALL wants, or a gate has no address."""
    try:
        known = hosts.resolve(outside())
    except GateError as error:
        raise LaunchError(str(error)) from error
    room, why = _room(known) if settings.WALL == "auto" else (None, ["not-wanted"])
    wall = Wall(room, _status(room, why, known, listener))
    if status.weaker(wall.status.wall, settings.REQUIRE_WALL):
        if room:
            room.close()
        raise LaunchError(refusal(wall.status))
    return wall


def outside() -> list[Wanted]:
    """The addresses that the settings need and that this installation does not run itself."""
    database: Mapping[str, Any] = settings.DATABASES["default"]
    found: list[Wanted] = []
    ports = str(database.get("PORT") or hosts.PORTS["postgresql"]).split(",")
    for number, host in enumerate(filter(None, str(database.get("HOST") or "").split(","))):
        if not host.startswith("/"):
            found.append(Wanted("database", host, int(ports[min(number, len(ports) - 1)])))
    urls = {"broker": settings.BROKER_URL, "openai": ";".join(settings.OPENAI_URLS)}
    if not settings.EMBEDDED["vectors"]:
        urls["vectors"] = settings.CHROMA_URL
    if settings.MODELS_URL != "fake:":
        urls["models"] = settings.MODELS_URL
    if settings.CLAMD and not settings.CLAMD.startswith("unix:"):
        urls["scanner"] = f"clamd://{settings.CLAMD}"
    for name, url in urls.items():
        found += hosts.from_url(name, url)
    return found + hosts.from_words(settings.GATES)


def _room(known: list[Gate]) -> tuple[Room | None, list[str]]:
    plan = Plan(
        hosts=hosts.hosts_file(known, socket.gethostname()),
        addresses=sorted({gate["address"] for gate in known}),
        keep=[str(folder) for folder in _kept()],
        write=[str(folder) for folder in writable()],
        temporary=str(temporary()),
    )
    try:
        room = Room(plan)
    except NoRoom as error:
        return None, [error.why]
    return room, room.why


def writable() -> list[Path]:
    """What the processes of this installation change."""
    # Not the cache: the wheels in it are installed by the set-up, which runs outside.
    folders = (settings.DATA_DIR, settings.RUN_DIR, settings.MODELS_DIR)
    found = [Path(folder) for folder in folders]
    if settings.CHECKPOINT_DIR:
        found.append(Path(settings.CHECKPOINT_DIR))
    return [folder for folder in found if folder.is_dir()]


def _kept() -> list[Path]:
    """What must stay visible although it may lie where other programs have their sockets."""
    found = [*writable(), Path(settings.BASE_DIR), Path(sys.prefix), Path(sys.base_prefix)]
    found += [Path(file).resolve().parent for file in settings.SETTING_FILES]
    found += [Path(settings.MASTER_KEY_FILE).parent, *unix_sockets()]
    found += [Path(word.partition("=")[0]) for word in settings.SOURCE_ROOTS]
    found += [Path(settings.SOURCE_SECRETS_DIR)] if settings.SOURCE_SECRETS_DIR else []
    if settings.SOURCE_CERTIFICATES:
        found.append(Path(settings.SOURCE_CERTIFICATES).parent)
    return found


def unix_sockets() -> list[Path]:
    """The folders of Unix sockets that settings name, of a database for example."""
    host = str(settings.DATABASES["default"].get("HOST") or "")
    found = [Path(host)] if host.startswith("/") else []
    if settings.CHECKPOINT_SYSLOG:
        # The socket alone: beside the system log's lie others that nobody named.
        found.append(Path(settings.CHECKPOINT_SYSLOG).resolve())
    scanner = settings.CLAMD if settings.CLAMD.startswith("unix:") else ""
    for url in (settings.BROKER_URL, settings.MODELS_URL, settings.CHROMA_URL, scanner):
        kind, _, path = url.partition(":")
        if kind == "unix" or kind.endswith("socket"):
            found.append(Path("/" + path.partition("?")[0].lstrip("/")).parent)
    return found


def temporary() -> Path:
    """A temporary folder of this installation, empty at each start: on its disk, seen by nobody else."""
    folder = Path(settings.DATA_DIR) / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _status(
    room: Room | None, why: list[str], known: list[Gate], listener: socket.socket
) -> Status:
    said = without_room() if room is None else Status(wall="namespace")
    said = replace(said, why=[*why, *said.why, *_listening_why(listener)])
    if os.geteuid() == 0:
        said.why.append("runs-as-root")
    if room:
        said = replace(
            said,
            holder=room.holder,
            started=start_ticks(room.holder),
            namespaces=room.inodes,
            hidden=room.hidden,
        )
    device = "lo" if _is_bound(listener) else ""
    return replace(
        said,
        listening={"address": settings.LISTEN, "device": device},
        gates=hosts.distinct(known),
        landlock_abi=landlock.abi() if kernel_confines() else 0,
        seccomp=kernel_confines() and seccomp.available(),
        at=status.now(),
    )


def _is_bound(listener: socket.socket) -> bool:
    return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).strip(b"\0"))


def _listening_why(listener: socket.socket) -> list[str]:
    if not door.is_loopback(str(listener.getsockname()[0])):
        return ["listens-unbound"]
    return [] if _is_bound(listener) else ["device-refused"]


def declare() -> Status:
    """For other supervisors than the launcher: find out which wall holds here and write it down.

    Raises LaunchError where SOVEREIGN_REQUIRE_WALL wants more.
    """
    run_dir = Path(settings.RUN_DIR)
    known = status.read(run_dir)
    if known and known.holder and start_ticks(known.holder) == known.started:
        return known  # called by hand beside a launcher that runs
    said = without_room()
    if settings.WALL == "auto":
        said.why.append("other-supervisor")
    said = replace(
        said,
        landlock_abi=landlock.abi() if kernel_confines() else 0,
        seccomp=kernel_confines() and seccomp.available(),
        at=status.now(),
    )
    if status.weaker(said.wall, settings.REQUIRE_WALL):
        raise LaunchError(refusal(said))
    status.write(run_dir, said)
    return said


def kernel_confines() -> bool:
    """Whether processes are started through wall/confine.py."""
    return settings.WALL != "guard"


def without_room() -> Status:
    """What holds around this process where no namespace is ours: for containers and old kernels."""
    if settings.WALL == "container":
        if not facts.facts()["default_route"]:
            return Status(wall="container", why=["declared-container"])
        return Status(wall=_next_best(), why=["container-has-a-way-out"])
    return Status(wall=_next_best())


def _next_best() -> str:
    return "seccomp" if kernel_confines() and seccomp.available() else "guard"


def refusal(said: Status) -> str:
    """Why a start is refused, in one sentence and the reasons."""
    reasons = " ".join(status.WHY[code] for code in said.why if code != "runs-as-root")
    return (
        f"SOVEREIGN_REQUIRE_WALL={settings.REQUIRE_WALL} refuses this start: the wall that holds here "
        f"is `{said.wall}`. {reasons} See docs/wall.md."
    )
