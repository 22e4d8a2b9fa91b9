"""Text recognition of one picture, whatever its resolution."""

from statistics import median

from PIL import Image

from ingest.parsers.ocr import Recogniser
from ingest.parsers.ocr_clean import is_flat
from ingest.parsers.ocr_lines import SeenLine
from ingest.parsers.ocr_picture import MAX_PIXELS, Picture, Placement

#: Pixels of a line of 10 point at 300 dpi, its box from the highest letter to the lowest.
LINE = 38
#: Lines below this share of LINE are enlarged, at most so many times.
SMALL, MOST = 0.75, 4.0
#: Pixels of the shorter side of a page at 300 dpi: such a picture is large enough as it is.
LARGE = 2_300


def read(recogniser: Recogniser, image: Image.Image, page: int) -> list[SeenLine]:
    """The lines of a picture of mode L, placed in its pixels from its lower left."""
    if is_flat(image):
        return []
    picture = Picture.of(image, Placement.of_pixels(image.height))
    return recogniser.read(_enlarged(recogniser, picture), page)


def _enlarged(recogniser: Recogniser, picture: Picture) -> Picture:
    """Small letters of screens and photographs as large as a scanner gives them."""
    size = picture.image.size
    if min(size) >= LARGE:
        return picture
    heights = recogniser.line_heights(picture)
    line = median(heights) if heights else LINE / 2
    most = min(MOST, (MAX_PIXELS / (size[0] * size[1])) ** 0.5)
    factor = min(most, LINE / max(line, 1))
    return picture.scaled(factor) if line < SMALL * LINE and factor > 1 else picture
