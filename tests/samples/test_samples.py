"""The sample handbook: what the build makes, and that each golden question has its evidence."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from evaluation.scores import Found, correct, holds_exactly, strict_at, words
from inference.language import detect_language
from ingest.guard import detect_media_type
from ingest.parsers.base import Limits, ParsedDocument
from ingest.parsers.registry import parser_for, picture_parser_for
from ingest.recognition import how

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
HANDBOOK = SAMPLES / "handbook"
FILES = sorted(path for path in HANDBOOK.rglob("*") if path.is_file())
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLES / "questions.jsonl").read_text("utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]


@pytest.fixture(scope="module")
def parsed() -> dict[str, ParsedDocument]:
    found = {}
    for path in FILES:
        media_type = detect_media_type(path, path.name)
        document = parser_for(media_type).parse(path, Limits())
        if document.blank:
            seen = how(document.blank)
            assert seen is not None
            document = picture_parser_for(media_type).recognise(path, Limits(), seen)
        found[path.relative_to(SAMPLES).as_posix()] = document
    return found


def test_the_committed_files_are_what_the_build_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_from_file_location("samples_build", SAMPLES / "build.py")
    assert spec is not None
    assert spec.loader is not None
    program = module_from_spec(spec)
    # Its dataclasses look themselves up here.
    monkeypatch.setitem(sys.modules, spec.name, program)
    spec.loader.exec_module(program)
    written = program.build(tmp_path)
    assert len(written) >= 9
    for path in written:
        committed = HANDBOOK / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), (
            f"run samples/build.py: {committed.name}"
        )


def test_there_is_enough_of_each_format_and_language(parsed: dict[str, ParsedDocument]) -> None:
    endings = [path.suffix for path in FILES]
    assert min(endings.count(ending) for ending in (".pdf", ".docx", ".html", ".md")) >= 3
    assert endings.count(".txt") >= 2
    assert {".xlsx", ".pptx", ".eml", ".png"} <= set(endings)
    languages = [detect_language(document.text) for document in parsed.values()]
    assert languages.count("de") >= 2
    assert languages.count("fr") >= 2
    assert languages.count("en") > len(languages) / 2


def test_every_document_has_a_title_headings_and_some_tables(
    parsed: dict[str, ParsedDocument],
) -> None:
    for file, document in parsed.items():
        kinds = {block.kind for block in document.blocks}
        assert len(document.text) > 700, file
        assert document.warnings == (), file
        assert "heading" in kinds or file.endswith((".txt", ".eml")), file
    tables = [file for file, d in parsed.items() if any(b.kind == "table" for b in d.blocks)]
    assert {Path(file).suffix for file in tables} >= {
        ".docx",
        ".html",
        ".md",
        ".pdf",
        ".xlsx",
        ".pptx",
    }


def test_the_questions_cover_each_kind_and_language() -> None:
    kinds = [question["type"] for question in QUESTIONS]
    assert len(QUESTIONS) >= 40
    assert set(kinds) == {"fact", "table", "multi-hop", "follow-up", "unanswerable"}
    assert {question["language"] for question in QUESTIONS} == {"en", "de", "fr"}
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_the_evidence_stands_in_its_document(
    question: dict[str, Any], parsed: dict[str, ParsedDocument]
) -> None:
    for item in question["evidence"]:
        text = parsed[item["file"]].text
        assert holds_exactly(text, item["quote"]), f"{item['file']}: {item['quote']}"


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_the_expected_answer_passes_its_own_patterns(question: dict[str, Any]) -> None:
    assert question["must_contain"]
    assert correct(question, question["answer"])
    assert not correct(question, "")


def test_documents_named_as_also_right_exist(parsed: dict[str, ParsedDocument]) -> None:
    for question in ANSWERABLE:
        assert set(question.get("also_in", ())) <= parsed.keys()
        whole = [Found(document.text, file) for file, document in parsed.items()]
        assert strict_at(question, whole, len(whole)), question["id"]


def test_follow_ups_have_a_history_and_unanswerable_ones_no_evidence() -> None:
    for question in QUESTIONS:
        assert ("history" in question) == (question["type"] == "follow-up")
        assert bool(question["evidence"]) == question["answerable"]


def test_what_is_said_not_to_be_there_is_not_there(parsed: dict[str, ParsedDocument]) -> None:
    everything = words("\n".join(document.text for document in parsed.values()))
    assert everything.isdisjoint({"gym", "dog", "dogs", "weihnachtsgeld"})
