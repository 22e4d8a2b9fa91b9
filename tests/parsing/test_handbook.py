"""Real documents: all are read, and each quote that answers a question stands in one passage.

SOVEREIGN_TEST_HANDBOOK names a folder with handbook/, bad/ and questions.jsonl.
"""

import json
import os
from pathlib import Path

import pytest

from bench.parse_corpus import fold, holds, read

pytestmark = pytest.mark.handbook


@pytest.fixture(scope="module")
def corpus() -> Path:
    folder = os.environ.get("SOVEREIGN_TEST_HANDBOOK", "")
    if not folder:
        pytest.skip("SOVEREIGN_TEST_HANDBOOK IS NOT SET: the real documents were not read")
    return Path(folder)


def wanted(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_every_document_is_read_and_every_quote_found(corpus: Path) -> None:
    passages: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for path in wanted(corpus / "handbook"):
        outcome, found, *_ = read(path)
        name = str(path.relative_to(corpus))
        passages[name] = [chunk.text for chunk in found]
        if not found:
            failed[name] = outcome.split(":")[0]
    assert len(passages) >= 185
    # One file is pictures alone: it has no passages before text recognition.
    assert set(failed.values()) <= {"text"} and len(failed) <= 1
    quotes = [
        (evidence["file"], evidence["quote"])
        for line in (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        for evidence in json.loads(line)["evidence"]
        if evidence["file"] in passages
    ]
    held = [any(holds(text, quote) for text in passages[name]) for name, quote in quotes]
    exact = [any(fold(quote) in fold(text) for text in passages[name]) for name, quote in quotes]
    assert sum(held) / len(held) >= 0.99
    assert sum(exact) / len(exact) >= 0.93


@pytest.mark.timeout(900)
def test_no_bad_file_escapes(corpus: Path) -> None:
    outcomes = {
        path.name: read(path)[0] for path in sorted((corpus / "bad").rglob("*")) if path.is_file()
    }
    assert len(outcomes) > 200
    # read() lets nothing but a ParseError pass; a crash of the child is one, and should be rare.
    assert (
        sum(outcome.startswith(("parse-crashed", "parse-timeout")) for outcome in outcomes.values())
        <= 2
    )
