"""A branch on git's own daemon and over HTTP."""

import hashlib
import io
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ingest.models import Collection, SyncSource
from ingest.sources import packs
from ingest.sources.base import SourceError
from ingest.sources.git import GitSource
from tests.sources import servers
from tests.sources.conftest import Make, counted, cycle, living

pytestmark = pytest.mark.django_db


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Work:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> None:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            place = self.folder / f"{name.replace('__', '/')}.txt"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Change")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "repo")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """One daemon for all tests: its port and its folder."""
    port, folder = servers.free_port(), tmp_path_factory.mktemp("git")
    with servers.running(servers.git_daemon(port, folder), port):
        yield port, folder


@pytest.fixture
def daemon(serving: tuple[int, Path], work: Work, settings: Any) -> int:
    port, folder = serving
    settings.GATES = [f"git=127.0.0.1:{port}"]
    (folder / "repo").unlink(missing_ok=True)
    (folder / "repo").symlink_to(work.folder)
    return port


def test_new_changed_moved_and_gone(
    make: Make, work: Work, daemon: int, collection: Collection
) -> None:
    work.commit(leave="28 days.", docs__pay="On the 25th.")
    (work.folder / "link.txt").symlink_to("/etc/passwd")
    (work.folder / ".gitattributes").write_text("*.txt filter=evil\n")
    work.commit()
    source = make("git", "Repo", settings={"url": f"git://127.0.0.1:{daemon}/repo"})
    assert counted(cycle(source)) == {"new": 2, "skipped": 1}
    assert living(collection) == {
        "Repo/leave.txt": sha("28 days."),
        "Repo/docs/pay.txt": sha("On the 25th."),
    }
    assert counted(cycle(source)) == {"skipped": 1}
    work.git("mv", "leave.txt", "docs/holidays.txt")
    work.commit()
    with mock.patch.object(GitSource, "fetch", side_effect=AssertionError("read again")):
        assert counted(cycle(source)) == {"moved": 1, "skipped": 1}
    work.git("rm", "-q", "docs/pay.txt")
    work.commit(docs__holidays="30 days.")
    assert counted(cycle(source)) == {"changed": 1, "gone": 1, "skipped": 1}
    assert "Repo/docs/pay.txt" not in living(collection)
    for settings, code in (
        ({"branch": "nowhere"}, "source-missing"),
        ({"url": f"git://127.0.0.1:{daemon}/none"}, "source-missing"),
    ):
        SyncSource.objects.update(settings={**source.settings, **settings})
        assert cycle(source).error_code == code


@pytest.mark.long
def test_over_http_with_faults(
    make: Make, work: Work, tmp_path: Path, settings: Any, collection: Collection
) -> None:
    port, fault = servers.free_port(), tmp_path / "fault"
    settings.GATES = [f"git=127.0.0.1:{port}"]
    work.commit(leave="28 days.", docs__pay="On the 25th.")
    source = make("git", "Repo", settings={"url": f"http://127.0.0.1:{port}/repo"})
    command = servers.serve("git-http", port, folder=tmp_path, fault=fault)
    with servers.running(command, port):
        assert counted(cycle(source)) == {"new": 2}
        work.git("rm", "-q", "leave.txt")
        work.commit(new="New.")
        said = []
        for word in ("500", "redirect", "half"):
            fault.write_text(word)
            said.append(cycle(source).error_code)
            assert len(living(collection)) == 2
        fault.unlink()
        assert said[:2] == ["source-away", "source-redirects"] and said[2].startswith("source-")
        assert counted(cycle(source)) == {"new": 1, "gone": 1}
    assert cycle(source).error_code == "source-away"


@pytest.mark.long
def test_large_files_that_lie_elsewhere_are_told(
    make: Make, work: Work, daemon: int, collection: Collection
) -> None:
    work.commit(
        big="version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", small="Small."
    )
    source = make("git", "Repo", settings={"url": f"git://127.0.0.1:{daemon}/repo"})
    assert counted(cycle(source)) == {"new": 1, "failed": 1}
    assert source.items.get(name="big.txt").error_code == "source-elsewhere"


def test_a_tree_that_holds_itself_ten_times_over_comes_to_an_end(
    work: Work, daemon: int, make: Make
) -> None:
    """Trees upon trees with no file in them: nothing of it is an item that is counted."""
    import stat

    from dulwich.objects import Commit, Tree
    from dulwich.repo import Repo

    work.commit(one="One.")
    repo = Repo(str(work.folder))
    link = Tree()
    link.add(b"link", stat.S_IFLNK, repo.head())
    repo.object_store.add_object(link)
    inner = link.id
    for _ in range(9):
        tree = Tree()
        for number in range(10):
            tree.add(b"%d" % number, stat.S_IFDIR, inner)
        repo.object_store.add_object(tree)
        inner = tree.id
    commit = Commit()
    commit.tree, commit.message, commit.parents = inner, b"Many", [repo.head()]
    commit.author = commit.committer = b"A <a@example.com>"
    commit.author_time = commit.commit_time = 1_700_000_000
    commit.author_timezone = commit.commit_timezone = 0
    repo.object_store.add_object(commit)
    work.git("update-ref", "refs/heads/main", commit.id.decode())
    source = make("git", "Many", settings={"url": f"git://127.0.0.1:{daemon}/repo"})
    with mock.patch("ingest.sync_place.settings.SOURCE_MAX_FILES", 100):
        assert cycle(source).error_code == "source-too-many"


def test_an_object_that_unpacks_to_more_than_fits_is_not_unpacked(
    work: Work, daemon: int, make: Make, monkeypatch: Any
) -> None:
    work.commit(one="Nothing but zeros follows. " + 300_000 * "0")
    work.commit(one="Nothing but zeros follows. " + 300_001 * "0")
    source = make("git", "Zeros", settings={"url": f"git://127.0.0.1:{daemon}/repo"})
    assert cycle(source).error_code == ""
    SyncSource.objects.filter(pk=source.pk).update(state={})
    for name in ("MOST_OBJECT", "MOST_ALL"):
        with monkeypatch.context() as patch:
            patch.setattr(packs, name, 300_000)
            assert cycle(source).error_code == "source-too-large"


def test_a_delta_tells_what_it_makes() -> None:
    """A few bytes that copy the same piece again and again."""
    for made, fits in ((packs.MOST_OBJECT, True), (packs.MOST_OBJECT + 1, False)):
        said = bytes([0x80 | made >> shift & 127 for shift in (0, 7, 14, 21)] + [made >> 28])
        delta = zlib.compress(b"\x05" + said)
        pack = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
        pack += bytes([7 << 4 | 6]) + bytes(20) + delta + bytes(20)
        if fits:
            packs.require_bounded(io.BytesIO(pack), 20)
        else:
            with pytest.raises(SourceError, match="source-too-large"):
                packs.require_bounded(io.BytesIO(pack), 20)
    for cut in (5, 12, 20, 36):
        with pytest.raises(SourceError, match=r"source-(cut-off|broken)"):
            packs.require_bounded(io.BytesIO(pack[:cut]), 20)
