"""How a parsed document crosses from the child process. JSON: what comes is not trusted.

Frames: one line `P 3 40` (progress: 3 of 40 pages), `R 123` and 123 bytes of JSON (the result), or
`E 123` and as many (the error: [code, detail, permanent]). Before these, any number of `G 123` and as
many: what the child's guard refused. A child that unpacks sends for each file inside `N 9` and its name, any
number of `D 123` and its bytes, and `Z 7` and why it ends early ("" for a whole file); then `R 0`.
"""

import json
import re
from typing import Any, cast, get_args

from ingest.parsers.base import (
    METADATA,
    BlockKind,
    BlockWriter,
    Box,
    Limits,
    Notice,
    ParsedDocument,
    ParseError,
    PlacedWord,
)

_KINDS = frozenset(get_args(BlockKind))
MAX_DETAIL = 500
MAX_CODE = 50
MAX_NOTICES = 50
MAX_METADATA = 1_000
MAX_LABEL = 100
#: Bytes of one refusal as the guard writes it, names of functions in any script included.
MAX_REFUSAL = 20_000
MAX_TIMES = 10**6
_EVENT = re.compile(r"(socket|ctypes)\.\w{1,30}", re.ASCII)
_HOST = re.compile(r"[ -~]{1,253}")
_PLACE = re.compile(r"[!-~]{1,200}")
_PLACES = 12


def pack(document: ParsedDocument) -> bytes:
    """A document as JSON; offsets are left out, since they follow from the blocks."""
    blocks = [
        (
            b.kind,
            b.text,
            b.level,
            b.page,
            b.rows,
            b.header_rows,
            b.boxes,
            b.confidence,
            b.words,
        )
        for b in document.blocks
    ]
    notices = [[n.code, n.count, n.total, n.names] for n in document.warnings]
    about = [document.title, document.pages, notices, dict(document.metadata)]
    parts = [*about, document.blank, document.page_labels, blocks]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def unpack(data: bytes, limits: Limits) -> ParsedDocument:
    """The document again, every value checked. Raises ValueError, ParseError `too-much-text`."""
    try:
        title, pages, notices, metadata, blank, labels, blocks = json.loads(data)
        writer = BlockWriter(limits)
        for block in blocks:
            _add(writer, block)
        return writer.document(
            title=str(title),
            pages=None if pages is None else int(pages),
            warnings=tuple(_notice(notice) for notice in notices[:MAX_NOTICES]),
            metadata={k: str(metadata[k])[:MAX_METADATA] for k in METADATA if k in metadata},
            blank=tuple(int(number) for number in blank),
            page_labels=tuple(str(label)[:MAX_LABEL] for label in labels),
        )
    except (TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError("not a parsed document") from error


def _add(writer: BlockWriter, block: Any) -> None:
    # What was kept before words were has none.
    kind, text, level, page, rows, header_rows, boxes, confidence, *more = block
    if kind not in _KINDS or not isinstance(text, str):
        raise ValueError("not a block")
    writer.add(
        cast(BlockKind, kind),
        text,
        level=int(level),
        page=None if page is None else int(page),
        rows=tuple(tuple(str(cell) for cell in row) for row in rows),
        header_rows=int(header_rows),
        boxes=tuple(_box(box) for box in boxes),
        confidence=None if confidence is None else min(1.0, max(0.0, float(confidence))),
        words=tuple(_word_of(word, len(text)) for word in (more[0] if more else ())),
    )


def _word_of(word: Any, size: int) -> PlacedWord:
    start, end, box = word
    if not 0 <= int(start) < int(end) <= size:
        raise ValueError("not a word of the block")
    return int(start), int(end), _box(box)


def _notice(notice: Any) -> Notice:
    code, count, total, names = notice
    return Notice(str(code)[:MAX_CODE], int(count), int(total), str(names)[:MAX_DETAIL])


def _box(box: Any) -> Box:
    left, bottom, right, top = (float(side) for side in box)
    return left, bottom, right, top


def pack_error(error: ParseError) -> bytes:
    return json.dumps([error.code, error.detail, error.permanent]).encode()


def unpack_error(data: bytes) -> ParseError:
    """Raises ValueError when `data` is no error."""
    try:
        code, detail, permanent = json.loads(data)
    except TypeError as error:
        raise ValueError("not an error") from error
    return ParseError(str(code)[:MAX_CODE], str(detail)[:MAX_DETAIL], permanent=bool(permanent))


def unpack_refusal(data: bytes) -> dict[str, Any]:
    """What the child says that its guard refused: {"event", "host", "port", "times", "stack"}.

    Nothing else is taken over: who and when, the parent knows itself. It raises nothing. What is
    none of the guard's words is "?", for that somebody sends such is worth an entry, too.
    """
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    stack = said.get("stack")
    places = stack[:_PLACES] if isinstance(stack, list) else []
    return {
        "event": _word(said.get("event"), _EVENT),
        "host": _word(said.get("host"), _HOST),
        "port": _number(said.get("port"), 65_535),
        "times": _number(said.get("times"), MAX_TIMES) or 1,
        "stack": [_word(place, _PLACE) for place in places],
    }


def _word(said: Any, form: re.Pattern[str]) -> str:
    return said if isinstance(said, str) and form.fullmatch(said) else "?"


def _number(said: Any, most: int) -> int:
    return said if type(said) is int and 0 <= said <= most else 0
