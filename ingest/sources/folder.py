"""A folder of this machine, or a share that is mounted there. Links are not followed, whoever lays them."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ingest.sources.base import CHUNK, Item, Place, SourceError, measured
from ingest.sources.names import MOST_PARTS

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Of what lies above nothing may be readable.
_THROUGH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Without O_NONBLOCK a pipe that took the file's place would hold the worker for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderSource:
    def __init__(self, path: str, place: Place) -> None:
        self.state: dict[str, str] = {}
        self.unread: list[str] = []
        self._limits = place.limits
        self._root = _allowed(Path(path), place)
        self._closed = _below(self._root, place.closed)

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        root = self._open_root()
        try:
            mount = str(_mount_point(self._root))
            if state.get("mount", mount) != mount:
                raise SourceError("source-not-mounted")
            self.state = {"mount": mount}
            yield from self._walk(root, "", 0)
        finally:
            os.close(root)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Iterator[bytes]]:
        descriptor = self._open(item.key)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise SourceError("source-missing")
            if _version(about) != item.version:
                raise SourceError("source-changed-meanwhile")
            yield measured(_read(file.fileno(), item.version), item, self._limits)

    def close(self) -> None:
        """Nothing is open between calls."""

    def _open_root(self) -> int:
        try:
            return _reached(self._root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceError("source-missing") from error
        except OSError as error:
            raise _failure(error) from error

    def _walk(self, folder: int, before: str, depth: int) -> Iterator[Item]:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if not before:
                raise _failure(error) from error
            self.unread.append(before)
            return
        for entry in found:
            self._limits.check_time()
            yield from self._entry(folder, entry, before, depth)

    def _entry(
        self, folder: int, entry: "os.DirEntry[str]", before: str, depth: int
    ) -> Iterator[Item]:
        path = f"{before}/{entry.name}" if before else entry.name
        if path in self._closed:
            return
        try:
            about = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError:
            self.unread.append(path)
            return
        if stat.S_ISREG(about.st_mode):
            yield _item(path, about)
        elif stat.S_ISDIR(about.st_mode) and depth < MOST_PARTS:
            yield from self._below(folder, entry.name, path, depth)

    def _below(self, folder: int, name: str, path: str, depth: int) -> Iterator[Item]:
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError:
            self.unread.append(path)
            return
        try:
            yield from self._walk(inner, path, depth + 1)
        finally:
            os.close(inner)

    def _open(self, key: str) -> int:
        """Part by part, so that no part is a link by the time that it is passed."""
        *folders, name = key.split("/")
        at = self._open_root()
        try:
            for part in folders:
                inner = os.open(part, _FOLDER, dir_fd=at)
                os.close(at)
                at = inner
            return os.open(name, _FILE, dir_fd=at)
        except FileNotFoundError as error:
            raise SourceError("source-missing") from error
        except OSError as error:
            raise _failure(error) from error
        finally:
            os.close(at)


def _allowed(path: Path, place: Place) -> Path:
    """The folder itself, behind all links. Raises SourceError `folder-not-allowed`."""
    with suppress(OSError, ValueError, RuntimeError):
        real = Path(os.path.realpath(path))
        if path.is_absolute() and _depth(real, place.roots) > _depth(real, place.closed):
            return real
    raise SourceError("folder-not-allowed")


def _depth(path: Path, folders: Iterable[Path]) -> int:
    """How deep the innermost of `folders` lies that `path` is in; 0: it is in none."""
    real = (Path(os.path.realpath(folder)) for folder in folders)
    return max((len(folder.parts) for folder in real if path.is_relative_to(folder)), default=0)


def _below(path: Path, folders: Iterable[Path]) -> frozenset[str]:
    """Those of `folders` that lie in `path`, as paths from there."""
    real = (Path(os.path.realpath(folder)) for folder in folders)
    return frozenset(
        str(folder.relative_to(path))
        for folder in real
        if folder != path and folder.is_relative_to(path)
    )


def _reached(path: Path) -> int:
    """Part by part from the top: a folder above it may have become a link since it was allowed."""
    *above, last = path.parts
    at: int | None = None
    try:
        for part in above:
            inner = os.open(part, _THROUGH, dir_fd=at)
            if at is not None:
                os.close(at)
            at = inner
        return os.open(last, _FOLDER, dir_fd=at)
    finally:
        if at is not None:
            os.close(at)


def _mount_point(path: Path) -> Path:
    """Where the file system of the folder is mounted: another one when a share has gone."""
    while not path.is_mount() and path != path.parent:
        path = path.parent
    return path


def _item(path: str, about: os.stat_result) -> Item:
    return Item(
        key=path,
        path=path,
        version=_version(about),
        size=about.st_size,
        modified=datetime.fromtimestamp(max(0, about.st_mtime), UTC),
        same=f"{about.st_dev}-{_version(about)}",
    )


def _version(about: os.stat_result) -> str:
    return f"{about.st_ino}-{about.st_mtime_ns}-{about.st_size}"


def _read(descriptor: int, version: str) -> Iterator[bytes]:
    """The bytes of a file that nobody wrote to meanwhile."""
    try:
        while part := os.read(descriptor, CHUNK):
            yield part
        if _version(os.fstat(descriptor)) != version:
            raise SourceError("source-changed-meanwhile")
    except OSError as error:
        raise _failure(error) from error


def _failure(error: OSError) -> SourceError:
    refused = isinstance(error, PermissionError)
    return SourceError("source-refused" if refused else "source-away", type(error).__name__)
