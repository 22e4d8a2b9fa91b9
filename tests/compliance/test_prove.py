"""The proof: who is asked, how answers are judged, what is recorded. Real agents, real processes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from audit import actions
from audit.models import Entry
from compliance import judge, prove, tasks
from compliance.prove import Proof
from wall import facts
from wall.status import Status, write

ROOT = Path(__file__).resolve().parent.parent.parent
INSIDE: dict[str, Any] = {
    "namespaces": {"user": 1, "net": 2, "mnt": 3},
    "interfaces": ["lo"],
    "default_route": False,
    "seccomp": 2,
    "no_new_privs": True,
}
NAMESPACE = Status(wall="namespace", namespaces={"user": 1, "net": 2}, seccomp=True)
REFUSED = {"kind": "tcp", "target": "192.0.2.1:443", "refused": True, "layer": "seccomp", "how": ""}


def answer(role: str = "web", **more: Any) -> dict[str, Any]:
    said = {"role": role, "pid": 7, "facts": INSIDE, "probes": [REFUSED], "refused": 0, "at": ""}
    return {**said, **more}


# --- judging ------------------------------------------------------------------------------------
def test_one_that_is_inside_and_refused_everything_has_no_problem() -> None:
    assert judge.of_answer(answer(), NAMESPACE).problems == []


@pytest.mark.parametrize(
    ("fact", "value", "problem"),
    [
        ("namespaces", {"user": 1, "net": 9}, "outside"),
        ("namespaces", {"user": 9, "net": 2}, "outside"),
        ("interfaces", ["eth0", "lo"], "interfaces"),
        ("default_route", True, "way-out"),
        ("seccomp", 0, "no-filter"),
        ("no_new_privs", False, "may-gain-rights"),
    ],
)
def test_each_fact_that_is_not_as_the_wall_says_is_a_problem(
    fact: str, value: object, problem: str
) -> None:
    said = answer(facts={**INSIDE, fact: value})
    assert judge.of_answer(said, NAMESPACE).problems == [problem]


def test_an_attempt_that_got_through_is_a_problem_whatever_the_wall() -> None:
    said = answer(probes=[REFUSED, {**REFUSED, "refused": False, "layer": "none"}])
    assert judge.of_answer(said, NAMESPACE).problems == ["got-through"]
    assert judge.of_answer(said, None).problems == ["got-through"]


def test_an_answer_without_attempts_is_a_problem() -> None:
    assert judge.of_answer(answer(probes=[]), NAMESPACE).problems == ["nothing-tried"]


def test_hidden_namespaces_are_judged_by_the_interfaces() -> None:
    hidden = {**INSIDE, "namespaces": {}}
    assert judge.of_process("chroma", 7, hidden, NAMESPACE).problems == []
    outside = {**hidden, "interfaces": ["eth0", "lo"]}
    assert judge.of_process("chroma", 7, outside, NAMESPACE).problems == ["interfaces"]


def test_a_gate_is_outside_by_design_and_filtered_all_the_same() -> None:
    outside = {**INSIDE, "namespaces": {"net": 9}, "interfaces": ["eth0"], "default_route": True}
    gate = judge.of_process("gate-mail", 7, outside, NAMESPACE)
    assert (gate.kind, gate.problems) == ("gate", [])
    assert judge.of_process("gate-mail", 7, {**outside, "seccomp": 0}, NAMESPACE).problems == [
        "no-filter"
    ]


def test_a_process_whose_facts_cannot_be_read_is_a_problem() -> None:
    assert judge.of_process("valkey", 7, {}, NAMESPACE).problems == ["unreadable"]


def test_every_problem_has_its_sentence() -> None:
    found = {"got-through", "nothing-tried", "unreadable", "silent", "files"}
    found |= {"outside", "interfaces", "way-out", "no-filter", "may-gain-rights"}
    assert found == set(judge.PROBLEMS)


# --- asking -------------------------------------------------------------------------------------
@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """A short path: that of a socket may not be longer than 107 bytes."""
    with (
        tempfile.TemporaryDirectory(prefix="prove-") as folder,
        override_settings(RUN_DIR=Path(folder), EVIDENCE_DIR=tmp_path / "evidence"),
    ):
        yield Path(folder)


@pytest.fixture
def process(run_dir: Path) -> Iterator[int]:
    """A guarded process of its own that answers as `web`."""
    code = (
        "from pathlib import Path; import sys, time; from wall import agent, guard; "
        "guard.install('web'); agent.serve(Path(sys.argv[1]), 'web'); print('ready', flush=True); "
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(run_dir / "proof")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            # Not by asking: that clears away a socket that is there and not yet listened at.
            assert child.stdout and child.stdout.readline() == "ready\n"
            yield child.pid
        finally:
            child.kill()


def listed(run_dir: Path, **pids: int | None) -> None:
    entries = [{"name": name, "pid": pid} for name, pid in pids.items()]
    (run_dir / "processes.json").write_text(json.dumps({"processes": entries}))


@pytest.mark.django_db
def test_every_process_is_heard_asked_or_read(run_dir: Path, process: int) -> None:
    listed(run_dir, web=process, valkey=os.getpid())
    found = prove.prove()
    heard = {each.name: each for each in found.processes}
    assert set(heard) == {"web", "valkey", "parser"}
    assert found.silent == []
    assert (heard["web"].how, heard["web"].pid) == ("asked", process)
    assert heard["web"].probes
    assert heard["parser"].probes
    assert (heard["valkey"].how, heard["valkey"].facts["pid"]) == ("read", os.getpid())


@pytest.mark.django_db
def test_who_does_not_answer_or_does_not_run_is_named(run_dir: Path) -> None:
    listed(run_dir, web=os.getpid(), models=None)
    found = prove.prove()
    assert {each["kind"]: each["why"] for each in found.silent} == {
        "web": "not heard",
        "models": "not running",
    }
    assert "silent" in found.problems
    assert not found.ok


@pytest.mark.django_db
def test_without_a_launchers_list_web_and_worker_are_expected(run_dir: Path) -> None:
    assert {each["kind"] for each in prove.prove().silent} == {"web", "worker"}


@pytest.mark.django_db
def test_a_wall_that_the_process_is_not_behind_is_found(run_dir: Path, process: int) -> None:
    listed(run_dir, web=process)
    write(run_dir, Status(wall="namespace", namespaces={"user": 1, "net": 2}))
    (web,) = (each for each in prove.prove().processes if each.name == "web")
    assert "outside" in web.problems


@pytest.mark.django_db
def test_the_reader_of_documents_gets_nowhere(run_dir: Path) -> None:
    (parser,) = (each for each in prove.prove().processes if each.name == "parser")
    assert [probe for probe in parser.probes if not probe["refused"]] == []


# --- keeping ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_record_holds_the_counts_and_the_hash_of_what_is_kept(run_dir: Path) -> None:
    found = prove.prove()
    entry = Entry.objects.get(action=actions.PROOF_FINISHED)
    assert entry.data["attempts"] == found.attempts > 0
    assert entry.data["refused"] == found.refused
    assert entry.data["ok"] is found.ok is False
    kept = prove.last()
    assert kept == found.as_dict()
    assert prove._sha256(kept) == kept["sha256"] == entry.data["sha256"]
    assert prove.file().stat().st_mode & 0o777 == 0o600


def test_the_hash_changes_with_anything_that_is_said() -> None:
    said = Proof("2026-01-31T08:00:00+00:00", "namespace", []).as_dict()
    assert prove._sha256(said) != prove._sha256({**said, "wall": "guard"})
    assert prove._sha256(said) == prove._sha256({**said, "sha256": "x"})


# --- the command --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_ends_with_one_when_not_all_is_well(run_dir: Path) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="silent") as caught:
        call_command("prove", stdout=out)
    assert caught.value.returncode == 1
    assert "web" in out.getvalue()


@pytest.mark.django_db
def test_the_command_speaks_json(run_dir: Path) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("prove", "--json", stdout=out)
    assert json.loads(out.getvalue())["processes"]


# --- the schedule -------------------------------------------------------------------------------
def kept(run_dir: Path, minutes: int) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    prove._keep(Proof(at.isoformat(timespec="seconds"), "", []))


def test_a_proof_is_due_at_first_and_when_the_last_is_old(run_dir: Path) -> None:
    assert tasks.proof_is_due()
    kept(run_dir, minutes=59)
    assert not tasks.proof_is_due()
    kept(run_dir, minutes=61)
    assert tasks.proof_is_due()


def test_a_proof_is_due_after_a_new_start(run_dir: Path) -> None:
    kept(run_dir, minutes=5)
    write(run_dir, Status(wall="namespace", at=timezone.now().isoformat(timespec="seconds")))
    assert tasks.proof_is_due()


def test_a_report_is_due_at_first_and_never_where_none_is_wanted(run_dir: Path) -> None:
    assert tasks.report_is_due()
    with override_settings(REPORT_DAYS=0):
        assert not tasks.report_is_due()


def test_one_proof_at_a_time(run_dir: Path) -> None:
    with tasks._alone() as first, tasks._alone() as second:
        assert (first, second) == (True, False)


def test_the_facts_of_this_process_are_judged_as_they_are() -> None:
    """The judge reads what wall.facts writes: a renamed fact would be found here."""
    assert judge.of_facts("web", facts.facts(), Status(wall="guard")) == []
