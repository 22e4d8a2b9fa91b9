"""The advisories that are lived with: reasoned, in force, and the attacks that they describe in vain."""

import ast
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from pytest_django import Settings

from compliance.advisories import Exemption, load, release
from compliance.sbom import pins
from ingest import chroma
from requirements.audit import NOT_ASKED, judge, pinned
from sovereign import probes
from sovereign.launcher import services
from sovereign.launcher.walls import Wall
from wall.status import Status

ROOT = Path(settings.BASE_DIR)
ROOMS = ("sovereign", "accounts", "ingest", "chat", "compliance", "inference", "audit", "wall")
EXEMPTIONS = load(ROOT / "requirements" / "advisories.toml")
PINS = dict(pins(ROOT / "requirements" / "base.txt").keys())
each = pytest.mark.parametrize("exemption", EXEMPTIONS, ids=lambda exemption: exemption.id)


# --- the list -----------------------------------------------------------------------------------
@each
def test_it_says_what_why_and_who(exemption: Exemption) -> None:
    assert re.fullmatch(r"(CVE|GHSA|PYSEC)-[\w-]+", exemption.id)
    assert len(exemption.about) > 40
    assert len(exemption.reason) > 60
    assert exemption.owner


@each
def test_it_has_not_expired_and_is_looked_at_within_months(exemption: Exemption) -> None:
    today = datetime.now(UTC).date()
    assert exemption.reviewed <= today < exemption.expires
    assert exemption.expires - exemption.reviewed <= timedelta(days=120)


@each
def test_it_still_applies_to_what_is_pinned(exemption: Exemption) -> None:
    """Fails when the lock moves on to a release that is not affected: then it must go."""
    assert exemption.applies_to(PINS[exemption.package])


@each
def test_no_release_was_seen_beyond_the_affected_ones(exemption: Exemption) -> None:
    """Fails when a corrected release is written down as seen and the pin stays behind."""
    assert release(exemption.newest_seen) <= release(exemption.last)


def test_those_of_chroma_are_named() -> None:
    assert {exemption.id for exemption in EXEMPTIONS} >= {
        "CVE-2026-45829", "CVE-2026-45830", "CVE-2026-45831", "CVE-2026-45833",
    }  # fmt: skip


# --- what the audit makes of an answer ----------------------------------------------------------
def _answer(version: str = "1.5.9", **advisory: Any) -> list[dict[str, Any]]:
    found = [{"aliases": [], "fix_versions": [], **advisory}] if advisory else []
    return [{"name": "chromadb", "version": version, "vulns": found}]


def test_a_known_advisory_passes_under_any_of_its_names() -> None:
    for advisory in ({"id": "CVE-2026-45829"}, {"id": "PYSEC-2026-311"}):
        assert judge(_answer(**advisory), EXEMPTIONS) == 0
    assert judge(_answer(id="GHSA-new", aliases=["CVE-2026-45829"]), EXEMPTIONS) == 0


def test_an_unknown_advisory_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(_answer(id="CVE-2099-1"), EXEMPTIONS) == 1
    assert "not in advisories.toml" in capsys.readouterr().out


def test_a_release_that_corrects_a_known_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(_answer(id="CVE-2026-45829", fix_versions=["1.5.10"]), EXEMPTIONS) == 1
    assert "fixed in 1.5.10" in capsys.readouterr().out


def test_no_answer_is_not_taken_for_a_good_one() -> None:
    nothing = [{"name": "chromadb", "skip_reason": "not found"}]
    assert judge(nothing, EXEMPTIONS) == NOT_ASKED
    assert judge([*nothing, {"name": "a", "version": "1", "vulns": []}], EXEMPTIONS) == NOT_ASKED


def test_everything_that_is_pinned_is_asked_about() -> None:
    names = {line.partition("==")[0] for line in pinned()}
    assert {"chromadb", "django", "torch", "xllamacpp", "llama-cpp-python"} <= names


# --- the vulnerable server cannot be started ----------------------------------------------------
def test_the_python_server_lacks_what_it_needs() -> None:
    assert find_spec("fastapi") is None
    assert "fastapi" not in PINS


def test_what_is_started_is_the_rust_server(settings: Settings, tmp_path: Path) -> None:
    settings.RUN_DIR = settings.DATA_DIR = tmp_path
    spec = services.vectors_spec(Wall(None, Status(wall="guard")))
    assert spec is not None
    words = list(spec.command)
    place = words.index("run")
    assert Path(words[place - 1]).name == "chroma"
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert "chroma, run," in compose
    assert "chromadb" not in compose


def test_no_code_of_ours_imports_the_python_server() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.startswith(("chromadb.server", "chromadb.app", "chromadb.cli", "chromadb.utils"))
    ]
    assert found == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


# --- the attack ---------------------------------------------------------------------------------
@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that the model in `model/` writes when somebody runs its code."""
    model = tmp_path / "model"
    model.mkdir()
    canary = tmp_path / "canary"
    (model / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.E"}]')
    (model / "evil.py").write_text(f"open({str(canary)!r}, 'w').close()\nclass E: pass\n")
    (model / "config.json").write_text("{}")
    return canary


def _poisoned(canary: Path) -> dict[str, Any]:
    """The configuration of a collection, as the published attack sends it."""
    return {
        "type": "known",
        "name": "sentence_transformer",
        "config": {
            "model_name": str(canary.parent / "model"),
            "device": "cpu",
            "normalize_embeddings": False,
            "kwargs": {"trust_remote_code": True},
        },
    }


def _send(url: str, path: str, content: Any, method: str = "POST") -> tuple[int, Any]:
    answer = httpx.request(method, f"{url}{path}", json=content, timeout=120)
    return answer.status_code, answer.json() if answer.content else None


COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def test_the_librarys_own_python_would_load_the_poisoned_model(
    canary: Path, tmp_path: Path
) -> None:
    """The control: so an absent canary says something. The encoder library is a stand-in, for speed."""
    (tmp_path / "sentence_transformers.py").write_text(
        "class SentenceTransformer:\n"
        "    def __init__(self, model_name_or_path, trust_remote_code=False, **more):\n"
        "        if trust_remote_code: exec(open(model_name_or_path + '/evil.py').read())\n"
    )
    code = (
        "import json, sys; from chromadb.utils.embedding_functions import "
        "config_to_embedding_function as build; build(json.loads(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(_poisoned(canary))],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "ANONYMIZED_TELEMETRY": "False"},
    )
    assert canary.exists(), done.stderr


def test_the_attack_on_the_real_server_does_nothing(vectors: str, canary: Path) -> None:
    """CVE-2026-45829 when a collection is made, CVE-2026-45833 when it is changed."""
    configuration = {"embedding_function": _poisoned(canary)}
    status, made = _send(vectors, COLLECTIONS, {"name": "toast", "configuration": configuration})
    if status < 300:
        change = {"new_configuration": configuration}
        _send(vectors, f"{COLLECTIONS}/{made['id']}", change, method="PUT")
    assert not canary.exists()
    answer = probes.get(vectors, "/api/v2/heartbeat", timeout=120)
    assert answer is not None
    assert answer[0] == 200


def test_our_client_builds_nothing_from_a_poisoned_collection(vectors: str, canary: Path) -> None:
    configuration = {"embedding_function": _poisoned(canary)}
    status, _made = _send(vectors, COLLECTIONS, {"name": "bread", "configuration": configuration})
    assert status < 300
    with chroma.client() as client:
        assert client.get_collection("bread", embedding_function=None).name == "bread"
    assert not canary.exists()
