"""How a process is wrapped: the kernel confines it first, then our guard, then the program itself."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wall import confine

PROGRAM = Path(confine.__file__)


@dataclass(frozen=True, slots=True)
class Confined:
    """What one kind of process may do (wall/profiles.py).

    `connect`, `bind`: TCP ports. `write`: the folders that it may change; those that are not there are
    left out. `guard`: the role of our own Python programs, "" for the programs of others.
    """

    profile: str
    guard: str = ""
    connect: Sequence[int] = ()
    bind: Sequence[int] = ()
    write: Sequence[Path] = ()


def wrapped(command: Sequence[str], confined: Confined | None, *, kernel: bool) -> list[str]:
    """The command line that is really run. `kernel` False: no seccomp and no Landlock, as set."""
    if confined is None:
        return list(command)
    inner = list(command)
    if confined.guard:
        if inner[0] != sys.executable:
            raise ValueError("the guard watches our own Python programs alone")
        inner[1:1] = ["-m", "wall.guarded", confined.guard]
    if not kernel:
        return inner
    options = ["--profile", confined.profile]
    for name, ports in (("--connect", confined.connect), ("--bind", confined.bind)):
        options += [part for port in sorted(set(ports)) for part in (name, str(port))]
    for folder in confined.write:
        if folder.exists():
            options += ["--write", str(folder)]
    return [sys.executable, "-I", str(PROGRAM), *options, "--", *inner]
