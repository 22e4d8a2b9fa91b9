"""Pages as a scanner gives them, with known words. Our own sentences, drawn and then spoiled."""

import io
import random
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

DPI = 300
ENGLISH = (
    "The committee met on Tuesday to consider the proposal for the new warehouse.",
    "Members asked how many lorries would pass the village each day.",
    "The engineer answered that the bridge was built for heavier loads.",
    "Its northern pier ought to be inspected every spring after the thaw.",
    "A vote was postponed until the figures of the survey are published in October.",
    "Invoices above 2500 euros need two signatures, one of them from the treasurer.",
    "Nobody may enter the boiler room without a helmet and a second person outside.",
    "Spare keys hang in the grey cabinet beside the loading dock.",
    "Volunteers who drive the minibus renew their permit once a year.",
    "The archive keeps contracts for ten years and photographs for thirty.",
)
GERMAN = (
    "Die Prüfung der Brücke beginnt im März und dauert höchstens fünf Wochen.",
    "Größere Änderungen müssen schriftlich bestätigt werden.",
    "Der Schlüssel für das Gerätehaus hängt neben der Küchentür.",
    "Zusätzliche Gebühren übernimmt die Geschäftsführung in Köln.",
    "Während der Öffnungszeiten ist die Straße für Lastwagen gesperrt.",
    "Bitte schließen Sie abends alle Fenster und löschen Sie das Licht.",
    "Unsere Gäste erhalten für das Frühstück einen Gutschein über zwölf Euro.",
    "Die Behörde prüft jährlich, ob die Maßnahmen genügen.",
)
TABLE = (
    ("Town", "Nightly rate", "Breakfast", "Distance"),
    ("Bern", "150 CHF", "included", "12 km"),
    ("Lyon", "120 EUR", "extra", "450 km"),
    ("Vienna", "135 EUR", "included", "800 km"),
    ("Oslo", "1900 NOK", "extra", "2000 km"),
    ("Graz", "99 EUR", "none", "700 km"),
)
_WORD = re.compile(r"\w+")
Draw = Callable[[Canvas], list[str]]


def words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def recall(wanted: str, read: str) -> float:
    """Share of the wanted words that were read, each as often as it stands there."""
    known = words(wanted)
    return (known & words(read)).total() / known.total()


def sheet(draw: Draw, *, dpi: int = DPI, size: tuple[float, float] = A4) -> tuple[Image.Image, str]:
    """A page that `draw` fills, as grey pixels, and the words on it."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=size)
    text = draw(canvas)
    canvas.save()
    with pypdfium2.PdfDocument(made.getvalue()) as document:
        bitmap = document[0].render(scale=dpi / 72, grayscale=True)
        return bitmap.to_pil().convert("L").copy(), "\n".join(text)


def write(
    canvas: Canvas,
    lines: Sequence[str],
    *,
    x: float = 72,
    y: float = 760,
    size: float = 11,
    font: str = "Helvetica",
    pitch: float = 1.3,
) -> float:
    """Write lines downwards from (x, y); where the next one would stand."""
    canvas.setFont(font, size)
    for line in lines:
        canvas.drawString(x, y, line)
        y -= pitch * size
    return y


def prose(
    sentences: tuple[str, ...] = ENGLISH,
    *,
    times: int = 2,
    size: float = 11,
    font: str = "Helvetica",
) -> Draw:
    """A heading and a column of text."""

    def draw(canvas: Canvas) -> list[str]:
        heading = "Minutes of the meeting"
        y = write(canvas, [heading], size=1.7 * size, font="Helvetica-Bold") - size
        wrapped = textwrap.wrap(" ".join(sentences * times), round(880 / size))
        write(canvas, wrapped, y=y, size=size, font=font)
        return [heading, *wrapped]

    return draw


def columns(sentences: tuple[str, ...] = ENGLISH, *, size: float = 10) -> Draw:
    """Two columns; the second goes on where the first ends."""

    def draw(canvas: Canvas) -> list[str]:
        wrapped = textwrap.wrap(" ".join(sentences * 4), 44)
        half = -(-len(wrapped) // 2)
        write(canvas, wrapped[:half], x=60, size=size)
        write(canvas, wrapped[half:], x=315, size=size)
        return wrapped

    return draw


def table(rows: Sequence[Sequence[str]] = TABLE) -> Draw:
    """A table without rules, a sentence above and below."""

    def draw(canvas: Canvas) -> list[str]:
        y = write(canvas, [ENGLISH[0]]) - 12
        for row in rows:
            for index, cell in enumerate(row):
                write(canvas, [cell], x=72 + 120 * index, y=y)
            y -= 20
        write(canvas, [ENGLISH[5]], y=y - 12)
        return [ENGLISH[0], *(" ".join(row) for row in rows), ENGLISH[5]]

    return draw


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Against the clock, on white paper."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def noisy(
    image: Image.Image, *, specks: int = 4_000, sigma: float = 28, seed: int = 5
) -> Image.Image:
    """Grain all over, and specks of dirt."""
    grain = Image.effect_noise(image.size, sigma)
    spoiled = ImageChops.add(image, grain, scale=1, offset=-128)
    dice = random.Random(seed)
    for _ in range(specks):
        x, y = dice.randrange(image.width - 3), dice.randrange(image.height - 3)
        spoiled.paste(dice.randrange(120), (x, y, x + dice.randrange(1, 4), y + 2))
    return spoiled


def pale(image: Image.Image) -> Image.Image:
    """Light grey ink on grey paper."""
    return image.point(lambda value: 165 + value * 45 // 255)


def shaded(image: Image.Image) -> Image.Image:
    """Darker towards the right, as a photograph of a page is."""
    ramp = Image.linear_gradient("L").rotate(90).resize(image.size)
    return ImageChops.multiply(image, ramp.point(lambda value: 70 + value * 185 // 255))


def blurred(image: Image.Image, radius: float = 2.0) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def pdf(
    path: Path,
    *images: Image.Image,
    dpi: int = DPI,
    stamp: str = "",
    at: float = 20,
    turn: int = 0,
) -> Path:
    """A PDF of pictures as large as the pages; `stamp` is text upon each, `at` so many points from
    below; `turn` is its /Rotate."""
    canvas = Canvas(str(path))
    for image in images:
        size = image.width * 72 / dpi, image.height * 72 / dpi
        canvas.setPageSize(size)
        canvas.setPageRotation(turn)
        canvas.drawImage(ImageReader(image), 0, 0, *size)
        if stamp:
            canvas.drawString(20, at, stamp)
        canvas.showPage()
    canvas.save()
    return path
