"""Text recognition: words found and CPU seconds a page, on scans that are made here.

    python -m bench.ocr [--tessdata DIR] [--languages eng,deu] [--bad DIR] [--show]

Each page is read in the child process, as the product does it. `--bad`: reads DIR/made/scan-*.pdf, too.
Exit code 1 where fewer than 95% of the words of the clean pages are found.
"""

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ingest.parsers.base import Limits, ParsedDocument, Recognition
from ingest.parsers.registry import PDF
from ingest.parsers.sandbox import recognise_isolated
from tests.parsing import scans

GOAL = 0.95
Spoil = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Page:
    """One page: how it was spoiled, its pixels, the words on it."""

    kind: str
    image: Image.Image
    text: str
    dpi: int = scans.DPI


def pages() -> Iterator[Page]:
    """Twenty-two pages of eleven kinds."""
    yield Page("clean", *scans.sheet(scans.prose()))
    yield Page("clean", *scans.sheet(scans.prose(font="Times-Roman", size=12)))
    yield Page("clean", *scans.sheet(scans.prose(font="Courier", size=10, times=1)))
    yield Page("umlauts", *scans.sheet(scans.prose(scans.GERMAN)))
    yield Page("umlauts", *scans.sheet(scans.prose(scans.GERMAN, font="Times-Roman", size=12)))
    for degrees in (1, -2, 3.5, -5):
        yield _turned(f"skewed {abs(degrees)}°", degrees)
    for degrees in (90, 180, 270):
        yield _turned("turned", degrees)
    yield _turned("turned and skewed", 92.5)
    yield Page("two columns", *scans.sheet(scans.columns()))
    image, text = scans.sheet(scans.columns(scans.GERMAN))
    yield Page("two columns", scans.turned(image, 2), text)
    yield Page("8 point", *scans.sheet(scans.prose(size=8)))
    yield _spoiled("noise", scans.noisy)
    yield _spoiled("low contrast", scans.pale)
    yield _spoiled("shadow", scans.shaded)
    yield Page("150 dpi", *scans.sheet(scans.prose(), dpi=150), dpi=150)
    yield Page("100 dpi", *scans.sheet(scans.prose(), dpi=100), dpi=100)
    yield Page("table", *scans.sheet(scans.table()))


def _turned(kind: str, degrees: float) -> Page:
    return _spoiled(kind, lambda image: scans.turned(image, degrees))


def _spoiled(kind: str, spoil: Spoil) -> Page:
    image, text = scans.sheet(scans.prose())
    return Page(kind, spoil(image), text)


def read(path: Path, how: Recognition) -> tuple[ParsedDocument, float]:
    """What was recognised, and the CPU seconds of the child."""
    before = _child_seconds()
    document = recognise_isolated(path, PDF, Limits(), how, wall_seconds=300, memory_mb=1024)
    return document, _child_seconds() - before


def _child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _confidence(document: ParsedDocument) -> float:
    letters = sum(len(block.text) for block in document.blocks)
    sure = sum(len(block.text) * (block.confidence or 0) for block in document.blocks)
    return sure / letters if letters else 0.0


def measure(how: Recognition, *, show: bool = False) -> dict[str, list[float]]:
    """Print a line for each page; the shares of words found, by kind."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for page in pages():
            path = scans.pdf(Path(folder, "scan.pdf"), page.image, dpi=page.dpi)
            document, seconds = read(path, how)
            share = scans.recall(page.text, document.text)
            right = scans.recall(document.text, page.text) if document.text else 0.0
            found.setdefault(page.kind, []).append(share)
            sure = _confidence(document)
            print(f"{page.kind:18} {share:7.1%} {right:7.1%} {sure:6.2f} {seconds:6.2f}")
            if show:
                _print_blocks(document)
    return found


def _print_blocks(document: ParsedDocument) -> None:
    for block in document.blocks:
        print(f"    {block.kind} {block.level} {block.confidence}: {block.text}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tessdata", default=str(Path(sys.prefix, "share", "tessdata")))
    arguments.add_argument("--languages", default="eng,deu")
    arguments.add_argument("--bad", type=Path)
    arguments.add_argument("--show", action="store_true")
    options = arguments.parse_args()
    how = Recognition((1,), tuple(options.languages.split(",")), options.tessdata)
    print(f"{'kind':18} {'found':>7} {'right':>7} {'sure':>6} {'CPU s':>6}")
    found = measure(how, show=options.show)
    for path in sorted(options.bad.glob("made/scan-*.pdf")) if options.bad else ():
        document, seconds = read(path, how)
        print(f"{path.name}: {seconds:.2f} CPU s, sure {_confidence(document):.2f}")
        _print_blocks(document)
    clean = found["clean"]
    return int(sum(clean) / len(clean) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
