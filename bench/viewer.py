"""Whether the viewer marks the quoted words: its boxes against the words that a second library finds.

    .venv/bin/python -m bench.viewer --corpus FOLDER [--questions FILE] [--quotes 600] [--seed 7] [--show]

Every PDF (with --slides: every PPTX, as LibreOffice draws it) below FOLDER goes the product's way (reader in
its child, passages, the viewer's own search of pages). Quotes: the evidence of FILE (JSON lines) that lies
in these files, and sentences of passages taken at random. The truth: pdfplumber's words on the page on which
the words stand, by comparing letters and digits alone. A quote is marked right when nine of ten of its words
have their middle in a box, on the right page, and no more than one foreign word for ten of its own has.
Overlap: of the areas, lines joined.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]
#: Pixels of the raster on which areas are compared.
SIDE = 1_000
RIGHT, FOREIGN = 0.9, 0.1
LEAST_LETTERS = 12


@dataclass
class Word:
    page: int
    box: Box
    letters: str


@dataclass
class Truth:
    """The words of a PDF by the second library, and its letters in one row."""

    words: list[Word]
    text: str = ""
    owner: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = "".join(word.letters for word in self.words)
        self.owner = [i for i, word in enumerate(self.words) for _ in word.letters]

    def places(self, said: str) -> list[list[Word]]:
        """The words of each place where `said` stands."""
        found, at = [], self.text.find(said)
        while at >= 0:
            span = sorted(set(self.owner[at : at + len(said)]))
            found.append([self.words[i] for i in span])
            at = self.text.find(said, at + 1)
        return found


def plain(text: str) -> str:
    """Letters and digits, folded: what both libraries agree on."""
    import unicodedata

    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in apart if letter.isalnum())


def truth_of(path: Path) -> Truth:
    import pdfplumber

    words: list[Word] = []
    with pdfplumber.open(path) as document:
        for number, page in enumerate(document.pages, 1):
            left, top, right, bottom = page.cropbox if page.cropbox else page.bbox
            wide, high = right - left, bottom - top
            for each in page.extract_words(use_text_flow=True, x_tolerance_ratio=0.15):
                box = (
                    (each["x0"] - left) / wide,
                    (each["top"] - top) / high,
                    (each["x1"] - left) / wide,
                    (each["bottom"] - top) / high,
                )
                if letters := plain(each["text"]):
                    words.append(Word(number, box, letters))
            page.close()
    return Truth(words)


# --- the product's way ----------------------------------------------------------------------------
def taken_in(collection: Any, path: Path, name: str) -> list[Any]:
    """The passages of a file, written as the worker writes them."""
    from django.conf import settings
    from django.core.files.base import ContentFile

    from ingest import extracts, indexes, keep
    from ingest.models import Chunk, Document, Extract
    from ingest.parsers import wire
    from ingest.parsers.sandbox import parse_isolated
    from ingest.pipeline import cut
    from ingest.upload import upload

    found = upload(None, collection, ContentFile(path.read_bytes(), name=name), name=name).document
    parsed = parse_isolated(
        path,
        found.media_type,
        extracts.limits(),
        cpu_seconds=settings.PARSE_CPU_SECONDS,
        wall_seconds=settings.PARSE_WALL_SECONDS,
        memory_mb=settings.PARSE_MEMORY_MB,
    )
    Document.objects.filter(pk=found.pk).update(pages=parsed.pages)
    Extract.objects.create(document_id=found.pk, data=zlib.compress(wire.pack(parsed)))
    drafts = cut(found, parsed)
    Chunk.objects.bulk_create(keep.rows(indexes.active(), found, parsed, drafts))
    return list(Chunk.objects.filter(document=found).select_related("document__collection"))


def drawn(chunk: Any, folder: Path, name: str) -> Path:
    """The PDF that the viewer makes of slides, for the second library."""
    from ingest import page_views, slides

    began = time.perf_counter()
    page_views.picture(chunk.document, 1)
    pdf = slides.kept(chunk.document)
    if not isinstance(pdf, bytes):
        raise SystemExit(f"{name}: {pdf}")
    print(f"{name}: {time.perf_counter() - began:.1f} s to draw, {len(pdf):,} bytes")
    path = folder / f"{name}.pdf"
    path.write_bytes(pdf)
    return path


def boxes_of(chunk: Any, start: int, end: int) -> dict[int, list[Box]] | str:
    from chat.viewer import placed
    from ingest.sections import section_of

    seen = placed(chunk, section_of(chunk, start, end))
    return seen if isinstance(seen, str) else {p: list(found) for p, found in seen.boxes.items()}


# --- quotes ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Quote:
    kind: str
    file: str
    chunk: Any
    start: int
    end: int

    @property
    def said(self) -> str:
        return str(self.chunk.text[self.start : self.end])


def evidence(questions: Path, passages: dict[str, list[Any]]) -> Iterator[Quote | str]:
    """The evidence in these PDFs, as a span of the passage that holds it; else what it says."""
    for line in questions.read_text(encoding="utf-8").splitlines():
        for each in json.loads(line).get("evidence", []):
            name = Path(each["file"]).name
            if name in passages:
                yield _quote(name, each["quote"], passages[name])


def _quote(name: str, said: str, chunks: list[Any]) -> Quote | str:
    from ingest.parsers.letters import Words, find, letters

    for chunk in chunks:
        spans = find(Words(said), letters(chunk.text))
        if len(spans) == 1 and plain(chunk.text[slice(*spans[0])]) == plain(said):
            return Quote("evidence", name, chunk, *spans[0])
    return said


def sampled(passages: dict[str, list[Any]], count: int, seed: int) -> list[Quote]:
    """Sentences, file by file in turns, so that one large file does not decide."""
    from chat.cite import sentences

    dice = random.Random(seed)  # noqa: S311
    left = {name: list(chunks) for name, chunks in passages.items()}
    for chunks in left.values():
        dice.shuffle(chunks)
    found: list[Quote] = []
    while len(found) < count and any(left.values()):
        for name, chunks in left.items():
            if not chunks:
                continue
            chunk = chunks.pop()
            spans = [
                s
                for s in sentences(chunk.text)
                if len(plain(chunk.text[slice(*s)])) >= LEAST_LETTERS
            ]
            if spans:
                found.append(Quote("sampled", name, chunk, *dice.choice(spans)))
    return found[:count]


# --- comparing ------------------------------------------------------------------------------------
@dataclass
class Score:
    quote: Quote
    verdict: str
    held: float = 0.0
    foreign: float = 0.0
    overlap: float = 0.0


def score(quote: Quote, truth: Truth) -> Score:
    """Against the place that fits best, where the words stand more than once in the file."""
    boxes = boxes_of(quote.chunk, quote.start, quote.end)
    places = truth.places(plain(quote.said))
    if isinstance(boxes, str):
        return Score(quote, f"error: {boxes}")
    if not places:
        return Score(quote, "not found by the second library" if boxes else "found by neither")
    if not boxes:
        return Score(quote, "not found")
    every = [_against(quote, boxes, place, truth) for place in places]
    best = max(every, key=lambda each: (each.verdict == "right", each.held, each.overlap))
    if best.verdict == "right" and len(places) > 1:
        best.verdict = "right, one of several places"
    return best


def _against(quote: Quote, boxes: dict[int, list[Box]], place: list[Word], truth: Truth) -> Score:
    own = {id(word) for word in place}
    held = sum(_inside(word, boxes) for word in place)
    foreign = sum(
        _inside(word, boxes) for word in truth.words if word.page in boxes and id(word) not in own
    )
    pages = {word.page for word in place}
    overlap = statistics.fmean(
        _overlap(boxes.get(p, []), [w for w in place if w.page == p]) for p in pages
    )
    share, strange = held / len(place), foreign / len(place)
    wrong = "wrong page" if not pages & set(boxes) else "wrong words"
    right = share >= RIGHT and foreign <= max(1, FOREIGN * len(place))
    return Score(quote, "right" if right else wrong, share, strange, overlap)


def _inside(word: Word, boxes: dict[int, list[Box]]) -> bool:
    left, top, right, bottom = word.box
    x, y = (left + right) / 2, (top + bottom) / 2
    return any(a <= x <= c and b <= y <= d for a, b, c, d in boxes.get(word.page, ()))


def _overlap(boxes: list[Box], words: list[Word]) -> float:
    """Area of both by area of either."""
    from PIL import ImageChops

    ours, theirs = _drawn(boxes), _drawn(_lines([word.box for word in words]))
    both = ImageChops.logical_and(ours, theirs).histogram()[255]
    either = ImageChops.logical_or(ours, theirs).histogram()[255]
    return both / either if either else 0.0


def _drawn(boxes: list[Box]) -> Any:
    from PIL import Image, ImageDraw

    image = Image.new("1", (SIDE, SIDE))
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle([SIDE * side for side in box], fill=1)
    return image


def _lines(boxes: list[Box]) -> list[Box]:
    lines: list[Box] = []
    for box in boxes:
        last = lines[-1] if lines else None
        if last and abs(last[1] - box[1]) < 0.004 and box[0] >= last[0] and box[0] - last[2] < 0.02:
            lines[-1] = (last[0], min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3]))
        else:
            lines.append(box)
    return lines


def report(scores: list[Score], show: bool) -> None:
    for kind in ("evidence", "sampled"):
        mine = [each for each in scores if each.quote.kind == kind]
        judged = [each for each in mine if each.held or "second" not in each.verdict]
        right = [each for each in judged if each.verdict.startswith("right")]
        if not judged:
            continue
        print(f"{kind}: {len(right)} of {len(judged)} marked right: {len(right) / len(judged):.3f}")
        overlaps = [each.overlap for each in judged if each.overlap]
        low = sum(each >= 0.5 for each in overlaps)
        middle = statistics.median(overlaps)
        print(f"  overlap of areas: median {middle:.2f}, 0.5 or more: {low} of {len(judged)}")
        print(f"  {dict(Counter(each.verdict for each in mine))}")
    for each in scores if show else ():
        if not each.verdict.startswith("right"):
            said = each.quote.said[:120].replace("\n", " / ")
            where = f"{each.quote.file} p{each.quote.chunk.page}"
            print(f"{each.verdict} {each.held:.2f} {each.foreign:.2f} {where}: {said}")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sovereign-bench-") as folder:
        os.environ |= {"SOVEREIGN_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "sovereign.settings"}
        os.environ.setdefault("SOVEREIGN_LOG_LEVEL", "ERROR")
        import django

        django.setup()
        from django.core.management import call_command

        from ingest.models import Collection

        call_command("migrate", verbosity=0)
        collection = Collection.objects.create(name="viewer")
        ending = "*.pptx" if options.slides else "*.pdf"
        files = {path.name: path for path in sorted(options.corpus.rglob(ending))}
        files = dict(list(files.items())[: options.files])
        passages = {name: taken_in(collection, path, name) for name, path in files.items()}
        if options.slides:
            files = {name: drawn(passages[name][0], Path(folder), name) for name in files}
        measure(options, files, passages)


def measure(
    options: argparse.Namespace, files: dict[str, Path], passages: dict[str, list[Any]]
) -> None:
    quotes = sampled(passages, options.quotes, options.seed)
    if options.questions:
        found = list(evidence(options.questions, passages))
        lost = [each for each in found if isinstance(each, str)]
        print(f"evidence in PDF: {len(found)}, in no single passage: {len(lost)}")
        for said in lost if options.show else ():
            print(f"  {said[:100]!r}")
        quotes = [each for each in found if isinstance(each, Quote)] + quotes
    truths = {name: truth_of(files[name]) for name in sorted({quote.file for quote in quotes})}
    began, scores = time.perf_counter(), []
    for quote in quotes:
        scores.append(score(quote, truths[quote.file]))
    took = time.perf_counter() - began
    print(
        f"{len(files)} PDFs, {len(quotes)} quotes; {1_000 * took / len(quotes):.0f} ms each, with the picture"
    )
    report(scores, options.show)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--quotes", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--slides", action="store_true")
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--show", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
