"""Characters of a set's own text are found again in what the product read of it."""

import json
from pathlib import Path

import pytest

from bench import sets
from ingest.parsers.base import Limits
from ingest.parsers.text import parse_text

TEXT = """AGREEMENT
=========

1.  The   Receiving Party
shall not disclose.
\u2022 first item
\u2022 second item\u00a0here

---

End."""


def there(part: str) -> str:
    """What stands in the parsed text where `part` stands in TEXT."""
    parsed = parse_text(TEXT, Limits()).text
    places = sets.aligned(TEXT, parsed)
    start = TEXT.index(part)
    return parsed[places[start] : places[start + len(part)]].strip()


@pytest.mark.parametrize("part", ["AGREEMENT", "shall not disclose.", "second item", "End."])
def test_characters_are_found_again(part: str) -> None:
    assert there(part) == part


def test_white_space_may_differ() -> None:
    assert there("The   Receiving Party\nshall").split() == ["The", "Receiving", "Party", "shall"]


def test_a_text_that_says_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="part at"):
        sets.aligned("one two three", "one five three")


def test_a_set_is_read_with_its_questions(tmp_path: Path) -> None:
    folder = tmp_path / "retrieval" / "scifact"
    folder.mkdir(parents=True)
    rows: dict[str, list[dict[str, object]]] = {
        "corpus": [{"_id": "7", "title": "T", "text": "An abstract."}],
        "queries": [{"_id": "1", "text": "A claim."}, {"_id": "2", "text": "Without a judgement."}],
        "qrels": [{"query_id": "1", "corpus_id": "7", "score": 1}],
    }
    for name, lines in rows.items():
        text = "\n".join(json.dumps(line) for line in lines)
        (folder / f"{name}.jsonl").write_text(text + "\n", encoding="utf-8")
    found = sets.scifact(tmp_path)
    assert [text.key for text in found.texts] == ["7"]
    assert [(asked.text, asked.gains) for asked in found.questions] == [("A claim.", {"7": 1.0})]
