"""RUN_DIR/wall.json: which wall holds, why, and what crosses it. The launcher writes, everybody reads."""

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from wall import ownfiles

NAME = "wall.json"

#: From the strongest to the weakest. What is asked for by SOVEREIGN_REQUIRE_WALL is one of these.
WALLS = ("namespace", "container", "seccomp", "guard")


class Gate(TypedDict):
    """One outside address that may be reached: `host` as it was set, `address` as it was resolved."""

    name: str
    host: str
    address: str
    port: int


def gettext_noop(text: str) -> str:
    """Mark a sentence for translators; this room knows no Django, its readers translate."""
    return text


#: Why another wall than the strongest holds, or what to know about the one that does.
WHY = {
    "kernel-forbids": gettext_noop(
        "The kernel forbids this user to make namespaces (EPERM). On a plain machine allow "
        "unprivileged user namespaces; in a container use the container's wall."
    ),
    "apparmor-forbids": gettext_noop(
        "AppArmor takes the rights away from namespaces of ordinary programs "
        "(kernel.apparmor_restrict_unprivileged_userns)."
    ),
    "none-allowed": gettext_noop("No user namespace is allowed (user.max_user_namespaces is 0)."),
    "no-more-allowed": gettext_noop(
        "No further namespace is allowed: the limit of user.max_user_namespaces or "
        "user.max_net_namespaces is reached."
    ),
    "kernel-lacks": gettext_noop("This kernel has no user or network namespaces."),
    "setup-failed": gettext_noop(
        "The namespace could not be set up; the launcher's output says why."
    ),
    "declared-container": gettext_noop(
        "The settings say that the container's network is the wall, and it has no way out."
    ),
    "container-has-a-way-out": gettext_noop(
        "The settings say that the container's network is the wall, but it has a way out."
    ),
    "not-wanted": gettext_noop("The settings ask for this wall (SOVEREIGN_WALL)."),
    "other-supervisor": gettext_noop(
        "The processes are started by another supervisor than the launcher, which alone makes "
        "namespaces."
    ),
    "runs-as-root": gettext_noop(
        "Sovereign runs as root. Root can write files that other programs of this machine obey "
        "(cron, services); run it as a user of its own."
    ),
    "listens-unbound": gettext_noop(
        "The listening socket is open to other machines, as set. It is the one socket that was "
        "made outside: a program that takes it over could open a connection with it."
    ),
    "device-refused": gettext_noop(
        "The kernel did not bind the listening socket to the loopback device."
    ),
    "files-visible": gettext_noop(
        "The sockets of this machine's own services could not all be hidden."
    ),
}


@dataclass(frozen=True, slots=True)
class Status:
    """What the launcher knows of the wall. `why` holds keys of WHY, `namespaces` inodes by kind.

    `started` is the holder's start in clock ticks since boot: ids are used again. `hidden` lists the
    folders and sockets of the machine that cannot be seen inside. `landlock_abi` is 0 without.
    """

    wall: str
    why: list[str] = field(default_factory=list)
    holder: int | None = None
    started: int | None = None
    namespaces: dict[str, int] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    listening: dict[str, str] = field(default_factory=dict)
    gates: list[Gate] = field(default_factory=list)
    landlock_abi: int = 0
    seccomp: bool = False
    at: str = ""


def now() -> str:
    """The time of day as RFC 3339 writes it, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write(run_dir: Path, status: Status) -> None:
    """Replace RUN_DIR/wall.json at once, mode 600: a reader never sees half of it."""
    ownfiles.replace(run_dir / NAME, json.dumps(asdict(status), indent=1))


def read(run_dir: Path) -> Status | None:
    """The wall of the launcher that runs, or None where no launcher wrote one."""
    try:
        content = json.loads((run_dir / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return _from(content) if isinstance(content, dict) else None


def _from(content: dict[str, Any]) -> Status | None:
    known = {each.name for each in fields(Status)}
    try:
        found = Status(**{name: value for name, value in content.items() if name in known})
    except TypeError:
        return None
    return found if _is_formed(found) else None


def _is_formed(said: Status) -> bool:
    """Whether the types are right: who reads it must not fall over what a process of ours forged."""
    texts = [said.wall, said.at, *_list(said.why), *_items(said.listening)]
    numbers = [said.landlock_abi, said.holder or 0, said.started or 0]
    numbers += [number for number in _items(said.namespaces) if not isinstance(number, str)]
    gates = _list(said.gates)
    return (
        all(isinstance(text, str) and text.isprintable() for text in texts)
        # Any name that a program of this machine gave its socket.
        and all(isinstance(path, str) for path in _list(said.hidden))
        and all(type(number) is int and 0 <= number < 2**53 for number in numbers)
        and all(isinstance(gate, dict) and _is_gate(gate) for gate in gates)
        and type(said.seccomp) is bool
    )


def _is_gate(gate: dict[str, Any]) -> bool:
    texts = [gate.get(name) for name in ("name", "host", "address")]
    named = all(isinstance(text, str) and text.isprintable() for text in texts)
    return (
        named and "/" not in str(gate["name"]) and type(gate.get("port")) is int and len(gate) == 4
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _items(value: Any) -> list[Any]:
    """Names and values of an object; [None] for anything else."""
    return [part for item in value.items() for part in item] if isinstance(value, dict) else [None]


def remove(run_dir: Path) -> None:
    (run_dir / NAME).unlink(missing_ok=True)


def weaker(wall: str, wanted: str) -> bool:
    """True when `wall` holds less than `wanted`, both out of WALLS."""
    return WALLS.index(wall) > WALLS.index(wanted)
