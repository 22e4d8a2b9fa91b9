"""The proof: every process of the installation tries to get out, and what became of it is kept.

Those that can are asked (wall/agent.py); the reader of documents is started for the occasion; of all
others the kernel's facts are read from /proc. Who should be there and does not answer is named.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import rfc8785
from django.conf import settings

from audit import actions
from audit.record import Actor, record
from compliance import answers, installed, judge
from compliance.judge import Process
from inference.model import read_json
from wall import agent, facts, guard, ownfiles, status

#: A process that reads a long document may be slow to answer.
SECONDS = 60.0
#: The launcher's names of processes that answer for themselves.
_ANSWERING = ("web", "worker", "models")


@dataclass(frozen=True, slots=True)
class Proof:
    """`wall` is the launcher's word, "" without a launcher. `silent` did not answer: kind and why.

    `sha256` is that of the canonical JSON of all other fields: the record holds it.
    """

    at: str
    wall: str
    processes: list[Process]
    silent: list[dict[str, str]] = field(default_factory=list)
    deep: dict[str, Any] | None = None
    sha256: str = ""

    @property
    def attempts(self) -> int:
        return sum(len(process.probes) for process in self.processes)

    @property
    def refused(self) -> int:
        return sum(bool(probe["refused"]) for each in self.processes for probe in each.probes)

    @property
    def problems(self) -> list[str]:
        """The codes of all that is wrong, each once (compliance.judge.PROBLEMS)."""
        found = {code for process in self.processes for code in process.problems}
        found |= {"silent"} if self.silent else set()
        found |= {"files"} if self.deep and not self.deep["ok"] else set()
        return sorted(found)

    @property
    def ok(self) -> bool:
        return bool(self.attempts) and not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: for the report, for --json, and for EVIDENCE_DIR/proof.json."""
        content = asdict(self) | {
            "processes": [process.as_dict() for process in self.processes],
            "attempts": self.attempts,
            "refused": self.refused,
            "problems": self.problems,
            "ok": self.ok,
        }
        return _plain(content)


def prove(actor: Actor | None = None, *, deep: bool = False) -> Proof:
    """Ask everybody, judge, record. `deep` also reads every installed file (seconds).

    What got through or did not answer is in the result, never an exception.
    """
    wall = status.read(Path(settings.RUN_DIR))
    processes, silent = _asked(wall)
    processes += _read(wall)
    silent += _absent(processes, silent)
    found = Proof(
        at=status.now(),
        wall=wall.wall if wall else "",
        processes=sorted(processes, key=lambda each: (each.name, each.pid)),
        silent=silent,
        deep=_deep() if deep else None,
    )
    content = found.as_dict()
    found = Proof(**{name: getattr(found, name) for name in _FIELDS}, sha256=_sha256(content))
    _keep(found)
    record(actions.PROOF_FINISHED, actor=actor, data=_entry(found))
    return found


_FIELDS = ("at", "wall", "processes", "silent", "deep")


def last() -> dict[str, Any]:
    """The last proof as it was kept; {} before the first."""
    return read_json(file())


def file() -> Path:
    return Path(settings.EVIDENCE_DIR) / "proof.json"


def _asked(wall: status.Status | None) -> tuple[list[Process], list[dict[str, str]]]:
    """Those that answered, and those whose answer did not come."""
    folder = Path(settings.RUN_DIR) / "proof"
    sources: list[tuple[str, Callable[[], Mapping[str, Any]]]] = [
        (answers.named(path.stem.partition("-")[0]), partial(agent.ask, path, SECONDS))
        for path in agent.sockets(folder)
    ]
    sources.append(("parser", _parser))
    if guard.installed() == "command":
        sources.append(("command", partial(agent.answer, "command", prove=True)))
    processes, silent = [], []
    for name, ask in sources:
        try:
            processes.append(judge.of_answer(answers.checked(ask()), wall))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            silent.append({"kind": name, "why": type(error).__name__})
    return processes, silent


def _parser() -> Mapping[str, Any]:
    from ingest.parsers import sandbox

    return sandbox.prove()


def _read(wall: status.Status | None) -> list[Process]:
    """The processes of the launcher's list that do not answer for themselves, and the holder."""
    listed = {str(each["name"]): each.get("pid") for each in _listed()}
    if wall and wall.holder:
        listed["holder"] = wall.holder
    return [
        judge.of_process(name, pid, _facts(pid), wall)
        for name, pid in listed.items()
        if name not in _ANSWERING and pid
    ]


def _listed() -> list[dict[str, Any]]:
    found = read_json(Path(settings.RUN_DIR) / "processes.json").get("processes", [])
    return [each for each in found if _is_listed(each)] if isinstance(found, list) else []


def _is_listed(each: Any) -> bool:
    """Whether the launcher could have written it: processes of ours can write to the file, too."""
    if not isinstance(each, dict) or not isinstance(name := each.get("name"), str):
        return False
    pid = each.get("pid")
    return name == answers.named(name) != "samples" and (pid is None or type(pid) is int)


def _facts(pid: int) -> Mapping[str, Any]:
    try:
        return facts.facts(pid)
    except (OSError, KeyError, ValueError):
        return {}


def _absent(processes: list[Process], silent: list[dict[str, str]]) -> list[dict[str, str]]:
    """Who should be there, by the launcher's list or by the settings, and was not heard of."""
    listed = {str(each["name"]): each.get("pid") for each in _listed()}
    expected = listed or dict.fromkeys(_without_a_launcher())
    heard = {process.name for process in processes} | {each["kind"] for each in silent}
    return [
        {"kind": name, "why": "not heard" if pid else "not running"}
        for name, pid in expected.items()
        if name not in heard
    ]


def _without_a_launcher() -> list[str]:
    """Containers: no list of processes is there, so what the settings ask for is expected."""
    models = Path(settings.MODELS_URL.removeprefix("unix:"))
    ours = settings.MODELS_URL.startswith("unix:") and models.parent == Path(settings.RUN_DIR)
    return ["web", "worker", *(["models"] if ours else [])]


def _deep() -> dict[str, Any]:
    found = installed.deep()
    return asdict(found) | {"ok": found.ok}


def _entry(found: Proof) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "wall": found.wall,
        "processes": len(found.processes),
        "attempts": found.attempts,
        "refused": found.refused,
        "silent": sorted({each["kind"] for each in found.silent}),
        "problems": found.problems,
        "sha256": found.sha256,
    }


def _keep(found: Proof) -> None:
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ownfiles.replace(path, json.dumps(found.as_dict(), indent=1))


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Without tuples and other kinds that JSON does not know."""
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def _sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(
        rfc8785.dumps({name: value for name, value in content.items() if name != "sha256"})
    ).hexdigest()
