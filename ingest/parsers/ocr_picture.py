"""A picture of a page, set upright for text recognition, and where its pixels lie on the page."""

import math
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageOps

from ingest.parsers import ocr_clean
from ingest.parsers.base import Box

#: Pixels that are recognised at most: an A3 page at 300 dpi. Larger pictures are shrunk.
MAX_PIXELS = 18_000_000
#: Skew in degrees that is looked for on either side, first in whole steps, then in fine ones.
MAX_SKEW = 12
FINE = 0.1
#: Below this the recogniser follows the lines itself, and turning costs sharpness.
LEAST_SKEW = 0.25
#: By how much the rows of a page must stand out more at its skew than level.
CLEARER = 1.03
#: Side of the small copy that skew is measured on.
_SMALL = 900
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """An affine map from pixels (origin at the upper left) to points of a page (lower left)."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @classmethod
    def of_pixels(cls, height: float, scale: float = 1.0) -> "Placement":
        """Pixels of a picture `height` pixels high, each `scale` points wide."""
        return cls(scale, 0.0, 0.0, 0.0, -scale, height * scale)

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def after(self, first: "Placement") -> "Placement":
        """The map that does `first` and then this one."""
        a, d = self.a * first.a + self.b * first.d, self.d * first.a + self.e * first.d
        b, e = self.a * first.b + self.b * first.e, self.d * first.b + self.e * first.e
        c, f = self.point(first.c, first.f)
        return Placement(a, b, c, d, e, f)

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The upright box around a box of pixels."""
        corners = [self.point(x, y) for x in (left, right) for y in (top, bottom)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return round(min(xs), 1), round(min(ys), 1), round(max(xs), 1), round(max(ys), 1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A page in grey, about 300 pixels an inch; `place` says where its pixels lie on the page."""

    image: Image.Image
    place: Placement

    @classmethod
    def of(cls, image: Image.Image, place: Placement) -> "Picture":
        """From a picture of mode L of any size and light."""
        picture = cls(image, place)
        if image.width * image.height > MAX_PIXELS:
            picture = picture.scaled((MAX_PIXELS / (image.width * image.height)) ** 0.5)
        return cls(ocr_clean.cleaned(picture.image), picture.place)

    def scaled(self, factor: float) -> "Picture":
        width = max(1, round(self.image.width * factor))
        height = max(1, round(self.image.height * factor))
        way = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
        back = Placement(self.image.width / width, 0, 0, 0, self.image.height / height, 0)
        return Picture(self.image.resize((width, height), way), self.place.after(back))

    def turned(self, degrees: int) -> "Picture":
        """Turned by quarters, against the clock."""
        if degrees not in _TURNS:
            return self
        width, height = self.image.size
        back = {
            90: Placement(0, -1, width, 1, 0, 0),
            180: Placement(-1, 0, width, 0, -1, height),
            270: Placement(0, 1, 0, -1, 0, height),
        }[degrees]
        return Picture(self.image.transpose(_TURNS[degrees]), self.place.after(back))

    def levelled(self) -> "Picture":
        """With its lines level, where they are a few degrees askew."""
        slope = _slope(self.image)
        return self._rotated(slope) if slope else self

    def _rotated(self, slope: float) -> "Picture":
        """Turned by the angle of `slope` (pixels down for each pixel to the right), on white."""
        length = (1 + slope * slope) ** 0.5
        cos, sin = 1 / length, slope / length
        width, height = self.image.size
        wide = round(width * cos + height * abs(sin))
        high = round(height * cos + width * abs(sin))
        # Both centres meet: x = cx + cos (x' - cx') - sin (y' - cy'), and so on.
        c = width / 2 - cos * wide / 2 + sin * high / 2
        f = height / 2 - sin * wide / 2 - cos * high / 2
        back = Placement(cos, -sin, c, sin, cos, f)
        image = self.image.transform(
            (wide, high),
            Image.Transform.AFFINE,
            (back.a, back.b, back.c, back.d, back.e, back.f),
            Image.Resampling.BILINEAR,
            fillcolor=255,
        )
        return Picture(image, self.place.after(back))


def _slope(image: Image.Image) -> float:
    """By how many pixels lines fall for each pixel to the right; 0 where that cannot be told."""
    factor = max(1, max(image.size) // _SMALL)
    small = ImageOps.invert(ImageOps.autocontrast(image.reduce(factor), cutoff=1))
    level = _clearness(small, 0)
    coarse = max(range(-MAX_SKEW, MAX_SKEW + 1), key=lambda angle: _clearness(small, angle))
    steps = round(1 / FINE)
    fine = [coarse + step * FINE for step in range(1 - steps, steps)]
    angle = max(fine, key=lambda each: _clearness(small, each))
    if abs(angle) < LEAST_SKEW or _clearness(small, angle) < CLEARER * level:
        return 0.0
    return math.tan(math.radians(angle))


def _clearness(small: Image.Image, degrees: float) -> float:
    """How much each row of pixels differs from the next one, were the page turned by this."""
    slope = math.tan(math.radians(degrees))
    shift = slope * small.width / 2
    rows = small.transform(
        small.size, Image.Transform.AFFINE, (1, 0, 0, slope, 1, -shift), Image.Resampling.NEAREST
    ).resize((1, small.height), Image.Resampling.BOX)
    values = rows.tobytes()
    return float(sum((a - b) ** 2 for a, b in pairwise(values)))
