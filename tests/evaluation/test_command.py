"""`manage.py evaluate`."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from evaluation.models import QuestionSet, Run
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.models import Collection
from tests import people

LINE = {
    "id": "1",
    "question": "How many days of annual leave do I have?",
    "evidence": [{"file": "leave.md", "quote": "28 days of annual leave per year"}],
}


def evaluate(*args: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("evaluate", *map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("questions")
def test_a_set_is_asked_and_told(golden: QuestionSet, tmp_path: Path) -> None:
    kept, plain = tmp_path / "run.json", tmp_path / "run.md"
    out, err = evaluate("--set", "golden", "--json", kept, "--markdown", plain)
    assert "| all | 5 |" in out and "strict@5" in out and plain.read_text("utf-8") == out
    assert "5/5 q5 no-document" in err
    content = json.loads(kept.read_text("utf-8"))
    assert content["scores"]["all"]["n"] == 5 and len(content["results"]) == 5
    out, _ = evaluate("--set", "Golden", "--compare", "last", "--kind", "retrieval")
    assert "McNemar" in out and "Made with the same." in out


def test_a_file_becomes_a_set(admin: User, handbook: Collection, tmp_path: Path) -> None:
    people.grant(handbook, admin, "reader")
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(LINE), encoding="utf-8")
    for told in ("1 questions new", "1 as they were"):
        _, err = evaluate("--questions", file, "--collection", handbook.name, "--as", admin.email)
        assert told in err
    assert QuestionSet.objects.get().name == f"mine ({handbook.name})"
    assert Run.objects.count() == 2


@pytest.mark.usefixtures("questions")
def test_a_score_that_is_worse_than_wanted_ends_with_3(golden: QuestionSet) -> None:
    evaluate("--set", "Golden", "--fail-under", "strict@5=1.0")
    for bound in ("strict@5=1.1", "correct=0.1"):
        with pytest.raises(SystemExit) as ended:
            evaluate("--set", "Golden", "--fail-under", bound)
        assert ended.value.code == 3
    with pytest.raises(CommandError, match="fail-under"):
        evaluate("--set", "Golden", "--fail-under", "goodness=1")


@pytest.mark.usefixtures("questions")
def test_what_cannot_be_asked(golden: QuestionSet, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{\n", encoding="utf-8")
    wrong: list[tuple[list[Any], str]] = [
        (["--set", "Other"], "no set"),
        (["--set", "Golden", "--as", "nobody@example.com"], "administrator"),
        (["--set", "Golden", "--compare", "last"], "earlier"),
        (["--set", "Golden", "--compare", "7"], "no run"),
        (["--set", "Golden", "--index", "00000000-0000-0000-0000-000000000000"], "no index"),
        (["--questions", bad], "--collection"),
        (["--questions", bad, "--collection", "Handbook"], "line 1"),
        (["--questions", tmp_path / "none", "--collection", "Handbook"], "cannot be read"),
        ([], "required"),
    ]
    for args, told in wrong:
        with pytest.raises(CommandError, match=told):
            evaluate(*args)
    assert not Run.objects.exists()


@pytest.mark.usefixtures("questions")
def test_a_run_that_does_not_end_well_ends_with_1(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demoted(*_: object) -> None:
        User.objects.update(is_admin=False)

    monkeypatch.setattr("evaluation.management.commands.evaluate.Command._progress", demoted)
    with pytest.raises(CommandError, match="run-forbidden"):
        evaluate("--set", "Golden")


@pytest.mark.usefixtures("questions")
def test_control_c_stops_the_run(golden: QuestionSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluation.management.commands.evaluate.Command._progress", interrupt)
    with pytest.raises(SystemExit) as ended:
        evaluate("--set", "Golden")
    assert ended.value.code == 130
    assert Run.objects.get().status == "stopped"


@pytest.mark.usefixtures("questions")
def test_a_run_ends_where_the_models_are_away(
    golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may be there who would go on with it."""

    def away(*_: object, **__: object) -> None:
        raise ModelsUnavailable("models-unavailable", "It does not answer.")

    with monkeypatch.context() as patched, pytest.raises(CommandError, match="models-unavailable"):
        patched.setattr(get_client(), "embed_queries", away)
        evaluate("--set", "Golden")
    assert Run.objects.get().status == "failed"
    evaluate("--set", "Golden")
