"""Files made to take a reader's time, memory or place: what cannot be told by a single format."""

from pathlib import Path

from ingest.guard import detect_media_type
from ingest.parsers.base import Limits
from ingest.parsers.html import HtmlParser
from ingest.parsers.registry import HTML, TEXT


def kind_of(path: Path, data: bytes, name: str) -> str:
    path.write_bytes(data)
    return detect_media_type(path, name)


def test_comments_that_lead_nowhere_take_no_time(tmp_path: Path) -> None:
    """The kind is told where the file comes in, outside of any child."""
    comments = b"<!-- a -->\n" * 5_000
    assert kind_of(tmp_path / "a", comments + b"words", "a.txt") == TEXT
    assert kind_of(tmp_path / "a", b"<?xml a?>" * 5_000 + b"words", "a.txt") == TEXT
    assert (
        kind_of(tmp_path / "a", b" \n<?xml a?>\n" + comments + b"<HTML lang=en>", "a.txt") == HTML
    )


def test_a_tag_without_an_end_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<p>Words.</p><" + b"a" * 1_000_000)
    assert HtmlParser().parse(path, Limits()).text == "Words."
