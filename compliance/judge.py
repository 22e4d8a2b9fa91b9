"""What a process's own words and the kernel's facts about it come to. Pure: no sockets, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext_noop

from wall.status import Status

#: What may be wrong with a process or a proof. The codes never change.
PROBLEMS = {
    "got-through": gettext_noop("An attempt to get out was not refused."),
    "outside": gettext_noop("It does not run behind the wall that the launcher made."),
    "interfaces": gettext_noop("It sees other network interfaces than the loopback device."),
    "way-out": gettext_noop("Its network has a way out."),
    "no-filter": gettext_noop("No filter of system calls (seccomp) is set for it."),
    "may-gain-rights": gettext_noop("It could gain rights by a program (no_new_privs is not set)."),
    "nothing-tried": gettext_noop("It answered, and tried nothing."),
    "unreadable": gettext_noop("What the kernel says of it could not be read."),
    "silent": gettext_noop("It should run and did not answer."),
    "files": gettext_noop("Installed files are not those that were installed."),
}

#: By design outside the namespace: it takes the listening socket's side, and forwards to one address.
OUTSIDE = ("gate",)
#: The holder makes sockets and keeps the namespace alive; nothing else runs in it.
UNFILTERED = ("holder",)


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the installation. `how`: `asked` it tried itself, `read` from /proc by its id.

    `kind` is web, worker, pool, models, parser, chroma, valkey, gate, holder or command. `refused`
    counts what was refused before, apart from proofs; None where it cannot say.
    """

    kind: str
    name: str
    pid: int
    how: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    probes: Sequence[Mapping[str, Any]] = ()
    refused: int | None = None
    problems: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of_answer(answer: Mapping[str, Any], wall: Status | None, name: str = "") -> Process:
    """Judge what wall.agent answered."""
    kind = str(answer["role"])
    found = [] if answer["probes"] else ["nothing-tried"]
    if any(not probe["refused"] for probe in answer["probes"]):
        found.append("got-through")
    return Process(
        kind=kind,
        name=name or kind,
        pid=answer["pid"],
        how="asked",
        facts=answer["facts"],
        probes=answer["probes"],
        refused=answer["refused"],
        problems=[*found, *of_facts(kind, answer["facts"], wall)],
    )


def of_process(name: str, pid: int, facts: Mapping[str, Any], wall: Status | None) -> Process:
    """Judge a process that cannot try anything itself by what the kernel says of it."""
    kind = "gate" if name.startswith("gate-") else name
    problems = of_facts(kind, facts, wall) if facts else ["unreadable"]
    return Process(kind=kind, name=name, pid=pid, how="read", facts=facts, problems=problems)


def of_facts(kind: str, facts: Mapping[str, Any], wall: Status | None) -> list[str]:
    """Which of PROBLEMS the facts show, given the wall that the launcher says it made."""
    if wall is None:
        return []
    found = []
    if kind not in OUTSIDE:
        if wall.wall == "namespace":
            found += _not_inside(facts, wall)
        if wall.wall in ("namespace", "container") and facts["default_route"]:
            found.append("way-out")
    if wall.seccomp and kind not in UNFILTERED:
        if facts["seccomp"] != 2:
            found.append("no-filter")
        if not facts["no_new_privs"]:
            found.append("may-gain-rights")
    return found


def _not_inside(facts: Mapping[str, Any], wall: Status) -> list[str]:
    """Where the kernel does not show the namespaces (Landlock), the interfaces still tell."""
    seen = facts["namespaces"]
    wrong = any(seen[kind] != wall.namespaces.get(kind) for kind in ("user", "net") if kind in seen)
    found = ["outside"] if wrong else []
    return found if facts["interfaces"] == ["lo"] else [*found, "interfaces"]
