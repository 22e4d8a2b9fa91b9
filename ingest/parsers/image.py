"""Pictures: PNG, JPEG, TIFF. They hold no text of their own; their frames are pages to recognise."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageOps, TiffImagePlugin

from ingest.parsers import clean, progress
from ingest.parsers.base import Limits, ParsedDocument, ParseError, Recognition

FORMATS = ("PNG", "JPEG", "TIFF")
#: Bytes of one frame in memory: 400 million pixels of grey, 100 million of colour.
MAX_BYTES = 400_000_000
#: Of modes in memory: Pillow keeps colours in four bytes.
_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "PA": 4, "I;16": 2, "I;16B": 2}
#: A JPEG with further views behind the first one, as some cameras write, is opened as MPO.
_JPEG = ("JPEG", "MPO")
#: Pixels of the longer side above which a JPEG is decoded smaller.
_DRAFT = 6_000
_DAMAGED = "The picture is damaged or cut off. Open it in a picture program and save it anew."
#: What Pillow raises on damage, beside MemoryError, which is the sandbox's to tell.
_BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError,
           OverflowError, AttributeError, ZeroDivisionError, RuntimeError)  # fmt: skip
#: Tags of EXIF and TIFF.
_SUBFILE, _TITLE, _CHANGED, _ARTIST, _EXIF, _TAKEN = 254, 269, 306, 315, 0x8769, 36867
_REDUCED = 1

# Sizes are judged here (_check_size), before anything is decoded; Pillow's own bound does not know
# how many bytes a pixel takes.
Image.MAX_IMAGE_PIXELS = None


class ImageParser:
    media_types = ("image/png", "image/jpeg", "image/tiff")

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Count the frames and decode each once: all are `blank`, for recognise() to read.

        Raises ParseError `damaged`, `picture-too-large`, `too-many-pages`.
        """
        with _opened(path) as image:
            frames = _frames(image, limits)
            for done, frame in enumerate(frames, 1):
                _grey(image, frame)
                progress.report(done, len(frames))
            title, metadata = _about(image)
        return ParsedDocument(
            "",
            (),
            title,
            len(frames),
            metadata=metadata,
            blank=tuple(range(1, len(frames) + 1)),
        )

    def recognise(self, path: Path, limits: Limits, how: Recognition) -> ParsedDocument:
        """Read the frames of `how`. Boxes are in pixels of the picture as it is shown, from below.

        Raises what parse() raises, `ocr-unavailable`, `too-much-text`.
        """
        from ingest.parsers import ocr, ocr_image  # late: they load Tesseract

        lines = []
        with ocr.Recogniser(how, limits) as recogniser, _opened(path) as image:
            frames = _frames(image, limits)
            for done, number in enumerate(how.pages, 1):
                if number <= len(frames):
                    lines += ocr_image.read(recogniser, _grey(image, frames[number - 1]), number)
                progress.report(done, len(how.pages))
        return ocr.document(lines, how, limits, pages=len(frames))


def shown(path: Path, number: int, limits: Limits) -> Image.Image:
    """Frame `number` (from 1) in colour, as it is shown: recognition's boxes lie on its pixels.

    Raises what parse() raises, `page-missing`.
    """
    with _opened(path) as image:
        frames = _frames(image, limits)
        if not 0 < number <= len(frames):
            raise ParseError("page-missing", "The document has no such page.")
        return _picture(image, frames[number - 1], "RGB")


@contextmanager
def _told() -> Iterator[None]:
    """What Pillow raises, in our words."""
    try:
        yield
    except _BROKEN as error:
        raise ParseError("damaged", _DAMAGED) from error


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, its first frame not decoded yet."""
    # Not by its path: Pillow would map the file into memory by a name that it may not open.
    with path.open("rb") as file:
        with _told():
            image = Image.open(file, formats=FORMATS)
        with image:
            yield image


@_told()
def _frames(image: Image.Image, limits: Limits) -> list[int]:
    """The frames that are pages: all of a TIFF but smaller copies, the first one of others."""
    _check_size(image)
    if image.format != "TIFF":
        return [0]
    found = []
    for frame in range(limits.max_pages + 1):
        try:
            image.seek(frame)
        except EOFError:
            break
        _check_size(image)
        if not _is_reduced(image):
            found.append(frame)
    else:
        raise ParseError(
            "too-many-pages",
            f"The picture has more than {limits.max_pages:,} pages. Split it into parts.",
        )
    return found or [0]


def _is_reduced(image: Image.Image) -> bool:
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    kind = tags.get(_SUBFILE, 0)
    return isinstance(kind, int) and bool(kind & _REDUCED)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height * _BYTES.get(image.mode, 4) > MAX_BYTES:
        raise _too_large()


def _too_large() -> ParseError:
    return ParseError(
        "picture-too-large",
        f"The picture has more pixels than are read ({MAX_BYTES // 4_000_000} million in colour). "
        "Save it smaller: 300 pixels an inch are enough.",
    )


def _grey(image: Image.Image, frame: int) -> Image.Image:
    return _picture(image, frame, "L")


@_told()
def _picture(image: Image.Image, frame: int, mode: str) -> Image.Image:
    """A frame as it is shown: turned as its EXIF says, on white where it is transparent."""
    if image.format == "TIFF":
        image.seek(frame)
    if image.format in _JPEG:
        image.draft(mode, _draft_size(image))
    image.load()
    picture = _on_white(image, mode)
    return ImageOps.exif_transpose(picture) if _turn_of(image) != 1 else picture


def _draft_size(image: Image.Image) -> tuple[int, int]:
    """Not below _DRAFT pixels on the longer side: decoding is by halves, so it may stay larger."""
    factor = max(1.0, max(image.size) / _DRAFT)
    return int(image.width / factor), int(image.height / factor)


def _on_white(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_bytes(image).convert(mode)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        paper = Image.new(mode, image.size, "white")
        paper.paste(clear.convert(mode), mask=clear.getchannel("A"))
        return paper
    return image.convert(mode)


def _scaled_to_bytes(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits: its own darkest and lightest become black and white."""
    wide = image.convert("I").convert("F") if image.mode != "F" else image
    darkest, lightest = (float(each) for each in wide.getextrema())  # type: ignore[arg-type]
    scale = 255 / (lightest - darkest) if lightest > darkest else 0.0
    shift = -darkest * scale
    return wide.point(lambda value: value * scale + shift).convert("L")


def _turn_of(image: Image.Image) -> int:
    return int(image.getexif().get(0x0112, 1) or 1)


@_told()
def _about(image: Image.Image) -> tuple[str, dict[str, str]]:
    """Title and metadata as the first frame says them."""
    if image.format == "TIFF":
        image.seek(0)
    exif, info = image.getexif(), image.info
    title = _words(info.get("Title") or exif.get(_TITLE))
    found = {
        "author": _words(info.get("Author") or exif.get(_ARTIST)),
        "created": _time(exif.get_ifd(_EXIF).get(_TAKEN)),
        "modified": _time(exif.get(_CHANGED)),
    }
    return title, {key: value for key, value in found.items() if value}


def _words(value: object) -> str:
    return clean.one_line(value)[:300] if isinstance(value, str) else ""


def _time(value: object) -> str:
    try:
        return datetime.strptime(str(value), "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007
    except ValueError:
        return ""
