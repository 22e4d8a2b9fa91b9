"""What the retrieval benchmark counts and how it groups."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.corpus import Corpus, answerable_here
from bench.report import table
from bench.retrieval import COLUMNS, groups, summary


def corpus_of(*files: str) -> Corpus:
    documents = {file: uuid4() for file in files}
    return Corpus(uuid4(), documents, {pk: file for file, pk in documents.items()}, {}, 0.0)


def question(file: str, **more: Any) -> dict[str, Any]:
    return {"evidence": [{"file": file, "quote": "q"}], **more}


def test_a_question_on_a_file_that_is_not_there_is_left_out() -> None:
    corpus = corpus_of("h/a.md")
    kept = answerable_here([question("h/a.md"), question("h/b.xlsx")], corpus)
    assert [item["evidence"][0]["file"] for item in kept] == ["h/a.md"]


def test_a_question_without_evidence_is_kept() -> None:
    assert answerable_here([{"evidence": []}], corpus_of("h/a.md")) != []


def test_two_files_of_the_same_bytes_have_one_name() -> None:
    document = uuid4()
    corpus = Corpus(
        uuid4(), {"h/a.md": document, "h/b.md": document}, {document: "h/a.md"}, {}, 0.0
    )
    kept = answerable_here([question("h/b.md", also_in=["h/b.md", "h/c.md"])], corpus)
    assert kept[0]["evidence"][0]["file"] == "h/a.md"
    assert kept[0]["also_in"] == ["h/a.md", "h/c.md"]


def row(type_: str, language: str, half: str, hit: bool) -> dict[str, Any]:
    return {
        "type": type_,
        "language": language,
        "half": half,
        "ms": 3.0,
        **dict.fromkeys(COLUMNS, hit),
    }


def test_follow_ups_and_other_languages_stand_apart_from_the_english_figure() -> None:
    rows = [
        row("fact", "en", "odd", True),
        row("table", "en", "even", False),
        row("follow-up", "en", "odd", False),
        row("fact", "de", "even", False),
    ]
    found = groups(rows)
    assert len(found["English without follow-ups"]) == 2
    assert summary(found["English without follow-ups"])["strict@5"] == 0.5
    assert [len(found[name]) for name in ("odd half", "even half", "follow-ups", "de")] == [
        1,
        1,
        1,
        1,
    ]
    assert "multi-hop" not in found


def test_a_table_shows_shares_with_two_digits_and_gaps_as_a_dash() -> None:
    text = table(["a", "b", "c"], [["x", 0.5, None]])
    assert text.splitlines()[-1] == "| x | 0.50 | - |"


def test_what_starts_the_product_imports_none_of_it_before() -> None:
    """Its settings read at import where the launcher put things (bench/product.py)."""
    for file in Path("bench").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        early = re.findall(
            r"^(?:from|import) (?:chat|ingest|accounts|sovereign)\b.*", text, re.MULTILINE
        )
        starts = any(name in text for name in ("bench.product", "bench.room"))
        assert not starts or early == [], file.name
