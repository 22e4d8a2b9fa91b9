"""Text recognition as this installation has it: which languages, from which folder, what is missing."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from ingest.parsers.base import Recognition

#: Tells which way up a page is. Without it, turned pages take longer.
ORIENTATION = "osd"


@dataclass(frozen=True, slots=True)
class State:
    """What there is. `wanted` are the languages of the settings; `folder` is "" where none has any."""

    library: bool
    folder: str
    wanted: tuple[str, ...]
    languages: tuple[str, ...]
    orientation: bool

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(each for each in self.wanted if each not in self.languages)

    @property
    def works(self) -> bool:
        return self.library and bool(self.languages)


def state() -> State:
    """What is installed, whether or not text recognition is switched on."""
    wanted = tuple(dict.fromkeys(settings.OCR_LANGUAGES))
    folder = _best(wanted)
    return State(
        library=find_spec("tesserocr") is not None,
        folder=str(folder) if folder else "",
        wanted=wanted,
        languages=tuple(_held(folder, wanted)) if folder else (),
        orientation=folder is not None and bool(_held(folder, [ORIENTATION])),
    )


def how(pages: Iterable[int]) -> Recognition | None:
    """How `pages` are recognised here; None where it is switched off or not installed.

    Languages without data are left out: state() names them.
    """
    if not settings.OCR:
        return None
    found = state()
    if not found.works:
        return None
    return Recognition(tuple(pages), found.languages, found.folder, settings.OCR_PAGE_SECONDS)


def _best(wanted: tuple[str, ...]) -> Path | None:
    """The folder that was set; else the one with most of the languages, the first of those."""
    if settings.TESSDATA:
        return Path(settings.TESSDATA).resolve()
    return max(_folders(), key=lambda folder: len(_held(folder, wanted)), default=None)


def _folders() -> Iterator[Path]:
    """What came with the product, then the system's, the newest version first."""
    yield Path(sys.prefix, "share", "tessdata")
    yield from sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)
    yield Path("/usr/share/tessdata")


def _held(folder: Path, languages: Iterable[str]) -> list[str]:
    return [each for each in languages if Path(folder, f"{each}.traineddata").is_file()]
