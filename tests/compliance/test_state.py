"""The sentences of the page: each says what was found, and never more."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import Data, record
from compliance import state, state_data, state_record, state_wall
from compliance.state import ATTENTION, BAD, GOOD, Sentence
from ingest.models import Collection
from tests import people
from wall import facts, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def run_dir(settings: Any, tmp_path: Path) -> Path:
    settings.RUN_DIR = tmp_path
    return tmp_path


def stand(run_dir: Path, wall: str, **fields: Any) -> None:
    status.write(run_dir, status.Status(wall=wall, **fields))


def proved(**data: Any) -> None:
    record(actions.PROOF_FINISHED, data={"ok": True, "processes": 5, "problems": [], **data})


# --- the wall -----------------------------------------------------------------------------------
def test_without_a_launcher_nothing_is_claimed(run_dir: Path) -> None:
    assert state_wall.wall().state == ATTENTION
    assert state_wall.gates().state == ATTENTION


@pytest.mark.skipif(
    facts.interfaces() == ["lo"] and not facts.default_route(),
    reason="THE LIE IS NOT TRIED: this machine has no network that could contradict it",
)
@pytest.mark.parametrize("wall", ["namespace"])
def test_the_kernel_contradicts_a_launcher(run_dir: Path, wall: str) -> None:
    stand(run_dir, wall)
    said = state_wall.wall()
    assert said.state == BAD and "this process sees" in str(said.text)


@pytest.mark.parametrize("wall", ["seccomp", "guard"])
def test_a_weaker_wall_says_what_it_does_not_cover(run_dir: Path, wall: str) -> None:
    stand(run_dir, wall, why=["kernel-forbids"])
    said = state_wall.wall()
    assert said.state == ATTENTION and len(said.more) >= 2
    assert any("forbids" in str(line) for line in said.more)


def test_an_unknown_wall_is_no_wall(run_dir: Path) -> None:
    stand(run_dir, "paper")
    assert state_wall.wall().state == ATTENTION


def test_every_wall_has_words() -> None:
    assert set(status.WALLS) == set(state_wall.HOLDS) == set(state_wall.NOT_COVERED)


def test_a_gate_is_shown_with_its_traffic(run_dir: Path) -> None:
    stand(
        run_dir,
        "namespace",
        gates=[{"name": "mail", "host": "mail.invalid", "address": "192.0.2.1", "port": 25}],
    )
    (run_dir / "gates").mkdir()
    (run_dir / "gates" / "mail.json").write_text(
        '{"bytes_out": 2048, "bytes_in": 0, "connections": 3}'
    )
    (line,) = state_wall.gates().more
    assert "mail.invalid" in str(line) and "2.0\xa0KB out" in str(line) and "3 conn" in str(line)


def test_no_gate_is_good(run_dir: Path) -> None:
    stand(run_dir, "namespace")
    assert state_wall.gates().state == GOOD


# --- the proof ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"attempts": 20, "refused": 20}, GOOD),
        ({"attempts": 20, "refused": 19, "ok": False, "problems": ["got-through"]}, BAD),
        ({"attempts": 20, "refused": 20, "ok": False, "problems": ["way-out"]}, BAD),
        ({"attempts": 20, "refused": 20, "ok": False, "problems": ["silent"]}, ATTENTION),
        ({"attempts": 0, "refused": 0, "ok": False}, ATTENTION),
    ],
)
def test_the_proof(data: dict[str, Any], expected: str) -> None:
    proved(**data)
    assert state_wall.proof().state == expected


def test_no_proof_and_an_old_proof_ask_for_one() -> None:
    assert state_wall.proof().state == ATTENTION
    old = timezone.now() - timedelta(days=5)
    data = {"attempts": 20, "refused": 20, "processes": 5}
    Entry.objects.create(action=actions.PROOF_FINISHED, at=old, data=data)
    said = state_wall.proof()
    assert said.state == ATTENTION and said.at == old


# --- refused ------------------------------------------------------------------------------------
def test_refusals_count_since_the_last_report() -> None:
    record(actions.EGRESS_REFUSED, data={"event": "connect", "times": 9})
    record(actions.REPORT_MADE, target=("report", "x"))
    assert state_wall.refused().state == GOOD
    record(actions.EGRESS_REFUSED, data={"event": "connect", "times": 4})
    record(actions.EGRESS_REFUSED, data={"event": "proof", "times": 40})
    said = state_wall.refused()
    assert said.state == ATTENTION and "4 connections" in str(said.text)


@pytest.mark.parametrize("source", [state_wall.let_out, state_wall.browsers])
def test_what_was_let_out_or_reported_is_counted(source: state.Source) -> None:
    assert source().state == GOOD
    record(actions.EGRESS_LET_OUT, data={"times": 1})
    record(actions.BROWSER_REFUSED, data={})
    assert source().state == ATTENTION


# --- the record, the key, the officers ----------------------------------------------------------
def test_an_unchecked_record_asks_for_a_check() -> None:
    assert state_record.intact().state == ATTENTION


@pytest.mark.parametrize(("ok", "expected"), [(True, GOOD), (False, BAD)])
def test_the_last_check_counts(ok: bool, expected: str) -> None:
    record(actions.RECORD_VERIFIED, data={"ok": ok, "position": 1234})
    said = state_record.intact()
    assert said.state == expected
    assert ok is ("1,234" in str(said.text))


def test_an_entry_that_waits_for_minutes_asks_for_attention() -> None:
    Entry.objects.create(action=actions.STARTED, at=timezone.now() - timedelta(minutes=9))
    record(actions.RECORD_VERIFIED, data={"ok": True, "position": 1})
    said = state_record.intact()
    assert said.state == ATTENTION and "sealer" in str(said.more[-1])


def test_a_broken_key_is_bad(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "evidence_key").write_text("no key")
    assert state_record.key().state == BAD


def test_an_officer_by_her_own_hand_asks_for_attention(admin: User) -> None:
    data: Data = {"fields": ["is_compliance"], "is_compliance": True}
    User.objects.filter(pk=admin.pk).update(is_compliance=True)
    record(actions.USER_CHANGED, actor=admin, target=("user", admin.pk), data=data)
    said = state_record.officers()
    assert said.state == ATTENTION and "admin@example.com" in str(said.more[0])


# --- what is kept -------------------------------------------------------------------------------
def test_plain_originals_ask_for_attention(collection: Collection) -> None:
    people.make_document(collection)
    said = state_data.encryption()
    assert said.state == ATTENTION and "of 1 originals" in str(said.text)


def test_an_expired_decision_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    def later() -> Any:
        return timezone.now().date() + timedelta(days=3_000)

    monkeypatch.setattr(timezone, "localdate", later)
    assert state_data.advisories().state == BAD


def test_a_damaged_list_of_models_is_bad(settings: Any, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    (tmp_path / "registry.json").write_text('{"models": {"x": {"odd": 1}}}')
    assert state_data.models().state == BAD


@pytest.mark.parametrize("engine", ["auto", "openai"])
def test_a_model_server_elsewhere_is_said(settings: Any, engine: str) -> None:
    settings.ENGINE = engine
    settings.OPENAI_URLS = ["http://models.invalid:8080/v1", "http://second.invalid"]
    said = state_data.models()
    assert said.state == ATTENTION and "models.invalid, second.invalid" in str(said.text)


# --- the whole ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("states", "expected"),
    [([GOOD, GOOD], GOOD), ([GOOD, ATTENTION], ATTENTION), ([ATTENTION, BAD], BAD), ([], GOOD)],
)
def test_the_page_is_as_good_as_its_worst_sentence(states: list[str], expected: str) -> None:
    assert state.worst([Sentence(str(n), each, "") for n, each in enumerate(states)]) == expected


def test_every_sentence_has_a_key_of_its_own() -> None:
    keys = [sentence.key for sentence in state.sentences()]
    assert len(keys) == len(set(keys)) >= 12


@pytest.mark.parametrize("text", ["", "x", None, "2026-13-01"])
def test_what_is_no_time(text: Any) -> None:
    assert state.as_time(text) is None
