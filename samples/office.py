"""The sheet, the slides and the scanned notice of the sample handbook. Called by build.py.

The same program gives the same bytes for sheet and slides. The notice is a picture: its bytes depend on
the fonts and the compressor of the machine, so the one that is committed stays.
"""

import datetime
import io
import re
import zipfile
from pathlib import Path

import reportlab
from openpyxl import Workbook
from openpyxl.styles import Font
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation
from pptx.util import Cm

COMPANY = "Nordwind Instruments"
DAY = "d mmm yyyy"

CALIBRATIONS = [
    ("CB-1", "Water bench, small", "Lübeck, hall 2", 18, 0.0004, (2026, 2, 9), (2027, 2, 9), 4150),
    (
        "CB-2",
        "Water bench, large",
        "Lübeck, hall 2",
        52,
        0.0006,
        (2026, 3, 16),
        (2027, 3, 16),
        7300,
    ),
    ("CB-3", "Glycol bench", "Lübeck, hall 3", 12, 0.0011, (2025, 11, 3), (2026, 11, 3), 5220.5),
    ("CB-4", "Hot water bench", "Lyon", 9, 0.0009, (2026, 1, 19), (2027, 1, 19), 6480),
    (
        "PR-1",
        "Pressure rig 40 bar",
        "Lübeck, hall 1",
        0,
        0.0025,
        (2026, 4, 20),
        (2028, 4, 20),
        1990,
    ),
    ("PR-2", "Pressure rig 100 bar", "Bristol", 0, 0.0025, (2025, 9, 8), (2027, 9, 8), 2875.75),
    ("CC-1", "Climate chamber", "Lübeck, hall 3", 0, 0.015, (2026, 5, 11), (2027, 5, 11), 3120),
    ("SC-1", "Scale 600 kg", "Lübeck, hall 2", 0, 0.0001, (2026, 6, 1), (2026, 12, 1), 890),
]
BENCH_COLUMNS = [
    *("Bench", "What it is", "Place", "Largest flow (m³/h)"),
    *("Uncertainty", "Calibrated", "Due", "Cost (EUR)"),
]
SPARES = [
    ("AC-110", "connection set with gaskets", 340, 120, 14.9),
    ("AC-120", "connection set with gaskets", 96, 80, 17.2),
    ("AC-140", "flange set", 22, 30, 88),
    ("AC-205", "M-Bus module", 410, 150, 46.5),
    ("AC-206", "LoRa radio module, 868 MHz", 58, 60, 71.25),
    ("AC-310", "replacement battery", 1_260, 500, 23.4),
    ("AC-400", "cable gland set IP68", 505, 200, 6.35),
]
SLIDES = [
    ("Your first day as a service technician", "Service academy, spring 2026", ()),
    (
        "What you carry",
        "",
        (
            "The blue case: laptop, torque wrench, multimeter, portable flow meter PF-12",
            "Two connection sets AC-110 and one AC-120 in the van at all times",
            "Gas detector: worn on the chest, tested every morning with the test gas of the van",
            "Spare battery AC-310: never more than ten pieces in one van, because of the lithium",
        ),
    ),
    (
        "Before you open a pipe",
        "",
        (
            "Ask the customer for the permit to work; without it nothing is opened",
            "Close both valves, hang your own padlock on each, keep the keys in your pocket",
            "Wait until the gauge shows zero, then open the drain, then wait two more minutes",
            "Model H: the pipe may be at 130 °C; wait until it is below 40 °C",
        ),
    ),
    ("How long a visit takes", "", ()),
    (
        "After the visit",
        "",
        (
            "Write the service report in Kompass Service on the same day",
            "Photograph the meter with its seal; the number of the seal must be readable",
            "A customer signs on the tablet; a signature on paper is scanned within two days",
            "Reports that are three days late go to the head of service",
        ),
    ),
]
VISITS = [
    ("Kind of visit", "Planned time", "Technicians"),
    ("Yearly inspection", "45 minutes", "1"),
    ("Replacement of a meter up to DN 25", "2 hours", "1"),
    ("Replacement of a meter from DN 40", "4 hours", "2"),
    ("Explosion-proof model X", "6 hours", "2, one of them certified"),
]
NOTES = {
    2: "The test gas bottle is changed every six months; the date stands on its neck.",
    3: "Lock-out was the cause of both accidents of 2024. There are no exceptions, not for five minutes.",
}
NOTICE = (
    "NOTICE TO ALL VISITORS",
    "Nordwind Instruments, Lübeck, gate 1",
    "",
    "Visitors register at gate 1 and wear the yellow badge",
    "where it can be seen. The badge is valid for one day",
    "and is given back at gate 1 before leaving.",
    "",
    "In halls 1 to 3 visitors wear safety shoes, which gate 1",
    "lends in sizes 36 to 48, and stay between the green lines.",
    "Photographs need the consent of the head of the hall.",
    "",
    "Lorries unload from 7:00 to 15:30 at ramp C. The speed",
    "limit on the site is 10 km/h. Engines are switched off",
    "after two minutes.",
    "",
    "In case of alarm follow the green signs to car park C.",
    "Internal emergency number: 5555",
    "",
    "Besucher melden sich an Tor 1 und tragen den gelben",
    "Ausweis sichtbar. Fotografieren nur mit Erlaubnis.",
)


def sheet(written: datetime.datetime) -> bytes:
    """The workbook of test benches and spare parts."""
    book = Workbook()
    book.properties.creator, book.properties.title = COMPANY, "Test benches and spare parts"
    book.properties.created = book.properties.modified = written.replace(tzinfo=None)
    benches = book.active
    benches.title = "Calibration"
    benches.append(
        ["Calibration of test benches, state of 15 June 2026. Owner: Quality, extension 4500."]
    )
    benches.append([])
    benches.append(BENCH_COLUMNS)
    for *about, last, due, cost in CALIBRATIONS:
        benches.append([*about, datetime.date(*last), datetime.date(*due), cost])
    _shape(benches, 3, {"E": "0.00%", "F": DAY, "G": DAY, "H": "#,##0.00"})
    spares = book.create_sheet("Spare parts")
    spares.append(["Part code", "Part", "In stock", "Order below", "Price (EUR)"])
    for row in SPARES:
        spares.append(row)
    spares.append([])
    spares.append(["Whoever takes a part below its order mark tells Purchasing, extension 4300."])
    _shape(spares, 1, {"C": "#,##0", "E": "#,##0.00"})
    buffer = io.BytesIO()
    book.save(buffer)
    return _without_now(buffer.getvalue(), written)


def _without_now(archive: bytes, written: datetime.datetime) -> bytes:
    """The library writes the time of saving, whatever the properties say."""
    buffer = io.BytesIO()
    stamp = f">{written:%Y-%m-%dT%H:%M:%SZ}</dcterms:modified>".encode()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb">[^<]*</dcterms:modified>", stamp, old.read(name)))
    return buffer.getvalue()


def _shape(page: object, header: int, formats: dict[str, str]) -> None:
    """A bold header, and each column's format below it."""
    for cell in page[header]:  # type: ignore[index]
        cell.font = Font(bold=True)
    for column, code in formats.items():
        for cell in page[column][header:]:  # type: ignore[index]
            cell.number_format = code


def slides(written: datetime.datetime) -> bytes:
    """The presentation for new service technicians."""
    deck = Presentation()
    about = deck.core_properties
    about.author, about.title = COMPANY, SLIDES[0][0]
    about.created = about.modified = written.replace(tzinfo=None)
    for number, (title, below, points) in enumerate(SLIDES, 1):
        slide = deck.slides.add_slide(deck.slide_layouts[0 if number == 1 else 1 if points else 5])
        slide.shapes.title.text = title
        if number == 1:
            slide.placeholders[1].text = below
        elif points:
            slide.placeholders[1].text = "\n".join(points)
        else:
            _table(slide)
        if number in NOTES:
            slide.notes_slide.notes_text_frame.text = NOTES[number]
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def _table(slide: object) -> None:
    shape = slide.shapes.add_table(len(VISITS), 3, Cm(2), Cm(5), Cm(21), Cm(6))  # type: ignore[attr-defined]
    for y, row in enumerate(VISITS):
        for x, text in enumerate(row):
            shape.table.cell(y, x).text = text


def notice() -> bytes:
    """The notice of gate 1, as a scanner with a crooked sheet gives it."""
    page = Image.new("L", (1240, 1500), 250)
    draw = ImageDraw.Draw(page)
    fonts = Path(reportlab.__file__).parent / "fonts"
    title = ImageFont.truetype(str(fonts / "VeraBd.ttf"), 44)
    body = ImageFont.truetype(str(fonts / "Vera.ttf"), 31)
    for number, line in enumerate(NOTICE):
        draw.text((110, 110 + 62 * number), line, 25, title if number == 0 else body)
    page = page.rotate(1.6, expand=False, fillcolor=250, resample=Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    page.quantize(16).save(buffer, "PNG", optimize=True, dpi=(150, 150))
    return buffer.getvalue()
