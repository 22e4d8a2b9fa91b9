"""Makes the picture of a page fit for text recognition: white paper, no grain."""

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

#: Long side of the small copy that tells how light the paper is, and the reach of that in its
#: pixels: wider than a dark box with light text, which must stay dark.
_PAPER, _REACH = 100, 15
#: Mean difference from the median of the neighbours that makes grain; sharp text has 1 to 2.
GRAIN = 4.0
#: Corners of ink that no page of text has: a newspaper has 150,000.
MAX_CORNERS = 200_000
#: Darkest and lightest of a picture that holds nothing: paper and its grain.
_FLAT = 24


def is_flat(image: Image.Image) -> bool:
    """Whether a picture of mode L has nearly one colour."""
    darkest, lightest = image.getextrema()
    return bool(lightest - darkest < _FLAT)  # type: ignore[operator]


def cleaned(image: Image.Image) -> Image.Image:
    """A picture of mode L, evenly lit, with full contrast, without grain."""
    even = ImageOps.autocontrast(_evenly_lit(image), cutoff=(0.1, 0.1))
    return even.filter(ImageFilter.MedianFilter(3)) if _has_grain(even) else even


def is_static(image: Image.Image) -> bool:
    """Whether a cleaned picture is speckled all over: recognition would take minutes, for nothing."""
    ink = image.point(lambda value: 255 if value < 128 else 0)
    edges = ImageChops.subtract(ink, ImageChops.offset(ink, 1, 0))
    corners = ImageChops.subtract(edges, ImageChops.offset(ink, 0, 1))
    return corners.histogram()[255] > MAX_CORNERS


def _evenly_lit(image: Image.Image) -> Image.Image:
    """What is missing to white in the paper around is added: shadows of photographs go."""
    small = image.reduce(max(1, max(image.size) // _PAPER))
    if min(small.size) <= _REACH:
        return image
    paper = small.filter(ImageFilter.MaxFilter(_REACH)).filter(ImageFilter.BoxBlur(_REACH // 3))
    if is_flat(paper):
        return image
    return ImageChops.add(image, ImageOps.invert(paper.resize(image.size)))


def _has_grain(image: Image.Image) -> bool:
    """Judged by the middle of the page."""
    width, height = image.size
    middle = image.crop((width // 3, height // 3, 2 * width // 3, 2 * height // 3))
    if not min(middle.size):
        return False
    grain = ImageChops.difference(middle, middle.filter(ImageFilter.MedianFilter(3)))
    return ImageStat.Stat(grain).mean[0] > GRAIN
