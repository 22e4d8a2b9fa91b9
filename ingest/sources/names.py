"""Which files of a source are read, and under which names they are shown. Names are hostile."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from ingest.guard import safe_name

#: Bounds of what people write: `*` backtracks, so few of them in short words.
MOST_PATTERNS = 50
MOST_LETTERS = 200
MOST_STARS = 6
#: Parts of a path. Deeper lies nothing that a person put there.
MOST_PARTS = 40
MOST_PATH = 900

#: Read where no pattern says otherwise; what a file is, its content decides later (ingest/guard.py).
_ENDINGS = """
    .pdf .doc .docx .docm .dot .dotx .dotm .xls .xlsx .xlsm .xlt .xltx .xltm .ppt .pptx .pptm .pot .potx
    .potm .pps .ppsx .ppsm .odt .ott .ods .ots .odp .otp .rtf .epub .htm .html .xhtml .md .markdown .txt
    .text .csv .tsv .eml .mht .msg .png .jpg .jpeg .tif .tiff .zip .rst .adoc .log
"""
SUFFIXES = frozenset(_ENDINGS.split())
_LEFT = re.compile(r"^(?:\..*|~\$.*|.*\.tmp|.*\.part|.*~|thumbs\.db|desktop\.ini|__macosx)$", re.I)


class BadPattern(ValueError):
    """A pattern that is not taken."""


def patterns(words: Iterable[str]) -> list[str]:
    """The patterns of a form, one a line. Raises BadPattern."""
    found = [word.strip().strip("/") for word in words if word.strip().strip("/")]
    if len(found) > MOST_PATTERNS:
        raise BadPattern
    for word in found:
        if len(word) > MOST_LETTERS or not word.isprintable() or word.count("*") > MOST_STARS:
            raise BadPattern
    return found


def wanted(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a file is read. Without `include`: files with the endings of documents.

    A pattern with a slash is compared with the whole path, one without with each part of it.
    """
    parts = path.split("/")
    if any(_LEFT.match(part) for part in parts):
        return False
    if any(_matches(path, parts, pattern) for pattern in exclude):
        return False
    if include:
        return any(_matches(path, parts, pattern) for pattern in include)
    return PurePosixPath(parts[-1].lower()).suffix in SUFFIXES


def _matches(path: str, parts: Sequence[str], pattern: str) -> bool:
    compiled = _compiled(pattern.casefold())
    if "/" in pattern:
        return bool(compiled.match(path.casefold()))
    return any(compiled.match(part.casefold()) for part in parts)


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))


def shown(root: str, path: str) -> tuple[str, str] | None:
    """Folder and name under which an item of the source `root` is shown; None: it is not taken.

    Not taken: `..`, NUL, control characters, empty parts, what is too long or too deep.
    """
    parts = path.split("/")
    if len(parts) > MOST_PARTS or len(path) > MOST_PATH:
        return None
    if any(part.strip() in ("", ".", "..") or not _is_text(part) for part in parts):
        return None
    folder = "/".join([root, *(safe_name(part) for part in parts[:-1])])
    return folder, safe_name(parts[-1])


def _is_text(part: str) -> bool:
    try:
        part.encode("utf-8")
    except UnicodeEncodeError:
        return False  # bytes that are no letters
    return not any(ord(letter) < 32 or ord(letter) == 127 for letter in part)


def apart(name: str, digest: str) -> str:
    """Another name for a file whose own is taken by one that differs in letters nobody sees."""
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix) <= 20 else ""
    stem = name[: len(name) - len(suffix)] if suffix else name
    return f"{stem[:200]} ({digest[:6]}){suffix}"
