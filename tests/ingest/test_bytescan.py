"""Every byte is looked at, at any place, and nothing of what is looked for is kept."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from ingest import bytescan
from ingest.bytescan import BLOCK, WINDOW, Canary, Scanner, canary, place_of, places

NEEDLE = b"kestrel lanterns over the harbour"[:WINDOW]


@pytest.mark.parametrize(
    "at", [0, 1, WINDOW - 1, BLOCK - WINDOW, BLOCK - 7, BLOCK, BLOCK + 1, 2 * BLOCK - 3]
)
def test_a_canary_is_found_wherever_it_lies(tmp_path: Path, at: int) -> None:
    data = bytearray(random.Random(at).randbytes(2 * BLOCK + 100))
    data[at : at + WINDOW] = NEEDLE
    (tmp_path / "file").write_bytes(data)
    one, other = canary(NEEDLE, "text"), canary(b"x" * WINDOW, "text")
    result = Scanner([one, other]).scan(places(tmp_path))
    assert (result.files, result.bytes, result.unread) == (1, len(data), 0)
    assert result.places([one]) == {"other/text": 1} and result.places([other]) == {}


def test_the_last_bytes_of_a_file_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "end").write_bytes(b"-" * (BLOCK - 5) + NEEDLE)
    (tmp_path / "cut").write_bytes(b"-" * (BLOCK - 5) + NEEDLE[:-1])
    (tmp_path / "empty").write_bytes(b"")
    result = Scanner([canary(NEEDLE, "text")]).scan(places(tmp_path))
    assert result.files == 3 and sum(result.found.values()) == 1


def test_what_is_kept_of_a_canary_does_not_hold_it_and_is_read_back() -> None:
    one = canary(NEEDLE, "text", "vectors")
    stored = one.stored()
    assert Canary.of(stored) == one
    assert not any(part.encode() in NEEDLE for part in stored if len(part) > 7)
    with pytest.raises(ValueError, match="WINDOW"):
        canary(b"short", "text")


def test_a_canary_of_one_place_counts_nowhere_else(tmp_path: Path) -> None:
    for folder in ("chroma", "logs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_bytes(NEEDLE)
    one = canary(NEEDLE, "id", "vectors")
    assert Scanner([one]).scan(places(tmp_path)).places([one]) == {"vectors/id": 1}


def test_links_and_pipes_are_left_alone_and_what_is_gone_is_no_error(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(NEEDLE)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    assert places(folder) == {}
    result = Scanner([canary(NEEDLE, "text")]).scan(
        {folder / "gone": "other", folder / "link": "x"}
    )
    assert result.unread == 1 and not result.found


def test_without_canaries_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(NEEDLE)
    assert Scanner([]).scan(places(tmp_path)).bytes == WINDOW


def test_thousands_of_canaries_hit_nothing_by_chance(tmp_path: Path) -> None:
    rng = random.Random(7)
    (tmp_path / "noise").write_bytes(rng.randbytes(3 * BLOCK))
    many = [canary(rng.randbytes(WINDOW), "vector") for _ in range(5_000)]
    assert not Scanner(many).scan(places(tmp_path)).found


def test_each_kind_of_place_has_its_word() -> None:
    words = {
        "db.sqlite3": "database",
        "db.sqlite3-wal": "database-log",
        "chroma/chroma.sqlite3": "vectors",
        "documents/originals/ab/cd": "originals",
        "documents/incoming/x": "incoming",
        "logs/web.log": "logs",
        "launcher.log": "other",
    }
    assert {path: place_of(Path(path)) for path in words} == words
    assert bytescan.WINDOW == 24


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root reads every folder, so the refusal is the walk's own."""
    real = os.scandir

    def refuses(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "no", str(path))
        return real(path)

    (tmp_path / "closed").mkdir()
    (tmp_path / "a.txt").write_bytes(NEEDLE)
    monkeypatch.setattr(os, "scandir", refuses)
    seen = Scanner([canary(NEEDLE, "text")]).scan(places(tmp_path))
    assert (seen.files, seen.unread) == (2, 1) and seen.found
