"""Files of a folder, for commands: what a person would call its documents."""

from collections.abc import Iterator
from pathlib import Path


def files_under(place: Path) -> Iterator[tuple[Path, str]]:
    """Each file at or under `place` with its folder path within it. Hidden files and links are not."""
    if place.is_file():
        yield place, ""
        return
    for file in sorted(place.rglob("*")):
        inside = file.relative_to(place)
        hidden = any(part.startswith(".") for part in inside.parts)
        if file.is_file() and not file.is_symlink() and not hidden:
            folder = inside.parent.as_posix()
            yield file, "" if folder == "." else folder
