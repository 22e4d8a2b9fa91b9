"""Looks at one page of a document in a child of its own: its picture, and where words stand. No Django.

What the child says is not trusted: numbers are checked, and a picture comes as bare pixels, which are
packed here. Whatever a file makes of its reader, no bytes of it reach a browser.
"""

import io
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ingest.parsers import sandbox
from ingest.parsers.base import Limits
from ingest.parsers.frames import NOBODY, Frames, Told
from ingest.parsers.view import MOST_BOXES, Look, Share

_MOST_JSON = 1 << 20
#: Of 100: letters stay sharp, a page of text has about 100 kB.
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Looked:
    """`page`: the one with the words, else the first that was asked for. `boxes`: by page, shares of it
    from its upper left corner; empty where the words were not found. `sizes`: width and height of these
    pages, in their own measure. `picture`: of `page`, WebP; b"" where none was asked for.
    """

    page: int
    boxes: dict[int, tuple[Share, ...]]
    sizes: dict[int, tuple[float, float]]
    picture: bytes = b""


def look_isolated(
    source: Path | int,
    media_type: str,
    look: Look,
    limits: Limits,
    bounds: sandbox.Bounds,
    told: Told = NOBODY,
) -> Looked:
    """Look at `source` (as for parse_isolated), a PDF or a picture.

    Raises ParseError `page-missing`, `damaged`, `picture-too-large`, and those of parse_isolated.
    """
    request = {
        "source": source if isinstance(source, int) else str(source.resolve()),
        "media_type": media_type,
        "limits": asdict(limits),
        "look": asdict(look),
    }
    frames = Frames(_MOST_JSON + 3 * look.pixels, told.progress)
    try:
        return unpack(sandbox.ask(request, frames, bounds, told), look)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise sandbox.crashed() from error


def unpack(data: bytes, look: Look) -> Looked:
    """What a child said, every value checked. Raises ValueError and others where it is no answer."""
    head, _, pixels = data.partition(b"\n")
    said: dict[str, Any] = json.loads(head)
    page = _page(said["page"], look)
    boxes = {_page(each, look): tuple(map(_share, found)) for each, found in said["boxes"].items()}
    if sum(map(len, boxes.values())) > MOST_BOXES * len(look.pages):
        raise ValueError("too many boxes")
    sizes = {_page(each, look): _size(size) for each, size in said["sizes"].items()}
    width, height = (int(side) for side in said["picture"])
    picture = _packed(width, height, pixels) if look.width else b""
    return Looked(page, boxes, sizes, picture)


def _page(said: Any, look: Look) -> int:
    if (page := int(said)) not in {*look.pages, *(number for number, _ in look.seen)}:
        raise ValueError("not a page that was asked for")
    return page


def _share(said: Any) -> Share:
    left, top, right, bottom = (round(float(side), 5) for side in said)
    if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
        raise ValueError("not a box on the page")
    return left, top, right, bottom


def _size(said: Any) -> tuple[float, float]:
    width, height = (float(side) for side in said)
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ValueError("not a size")
    return width, height


def _packed(width: int, height: int, pixels: bytes) -> bytes:
    """Raises ValueError unless there are as many pixels as were told."""
    if min(width, height) < 1 or 3 * width * height != len(pixels):
        raise ValueError("not the picture that was told")
    picture = Image.frombytes("RGB", (width, height), pixels)
    packed = io.BytesIO()
    picture.save(packed, "WEBP", quality=QUALITY, method=2)
    return packed.getvalue()
