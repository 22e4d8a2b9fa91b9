"""Files that are written outside the wall, in folders that programs behind it can change.

A link that a program behind the wall lays there must not lead a writer outside to another file: the
user's .bashrc, say, which his next shell obeys. So no link is followed, neither at the end of a path
nor as the folder in which it lies, and what is no plain file is taken away.
"""

import os
import stat
from pathlib import Path

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not to wait for the other end of a pipe; a plain file takes no notice of it.
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def folder(path: Path) -> int:
    """The folder PATH as a descriptor for `dir_fd`. Raises OSError where it is a link."""
    return os.open(path, _FOLDER)


def opened(path: Path, flags: int, *, within: int | None = None) -> int:
    """Open PATH, a plain file of mode 600; `flags` as os.open takes them. Raises OSError.

    With O_CREAT, a link or anything else that is no plain file is removed, and a new file made.
    `within`: the descriptor of its folder, where the caller has it.
    """
    place = folder(path.parent) if within is None else within
    try:
        try:
            return _plain(path.name, flags, place)
        except OSError:
            if not flags & os.O_CREAT or _is_plain(path.name, place):
                raise
        os.unlink(path.name, dir_fd=place)
        return _plain(path.name, flags | os.O_EXCL, place)
    finally:
        if within is None:
            os.close(place)


def replace(path: Path, content: str) -> None:
    """Replace PATH at once, mode 600: a reader never sees half of it. Raises OSError."""
    place = folder(path.parent)
    try:
        part = path.with_name(f".{path.name}.part")
        descriptor = opened(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, within=place)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        os.rename(part.name, path.name, src_dir_fd=place, dst_dir_fd=place)
    finally:
        os.close(place)


def _plain(name: str, flags: int, place: int) -> int:
    descriptor = os.open(name, flags | _SAFELY, 0o600, dir_fd=place)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(f"{name} is no plain file")


def _is_plain(name: str, place: int) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True  # it went meanwhile: the error that was raised tells
