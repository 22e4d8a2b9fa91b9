"""Words of scans are marked, not their lines: measured against where they were drawn."""

import json
from pathlib import Path

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth

from ingest.parsers import ocr_words, wire
from ingest.parsers.base import Box, Limits, ParsedDocument
from tests.parsing import scans
from tests.parsing.test_ocr import STRIP, recognise, strip

LINES = scans.ENGLISH[:3]
LONG = pytest.mark.long


def drawn(line: int, said: str) -> Box:
    """Where `strip` writes these words of a line: from the foot of its letters to their head."""
    before = LINES[line][: LINES[line].index(said)]
    left = 30 + stringWidth(before, "Helvetica", 10)
    base = 120 - 13 * line
    return left, base - 2.1, left + stringWidth(said, "Helvetica", 10), base + 7.2


def turned(box: Box, degrees: int) -> Box:
    """On a page that is turned against the clock."""
    left, bottom, right, top = box
    width, height = STRIP
    return {
        0: box,
        90: (height - top, left, height - bottom, right),
        180: (width - right, height - top, width - left, height - bottom),
        270: (bottom, width - right, top, width - left),
    }[degrees]


def overlap(one: Box, other: Box) -> float:
    """Area of both by area of either."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def marks(document: ParsedDocument, said: str) -> list[Box]:
    block = next(each for each in document.blocks if said in each.text)
    start = block.text.index(said)
    return list(ocr_words.marked(block.words, start, start + len(said)))


@pytest.mark.parametrize(
    "turn", [0, 90, pytest.param(180, marks=LONG), pytest.param(270, marks=LONG)]
)
def test_the_words_and_not_their_line(tmp_path: Path, turn: int) -> None:
    image = strip(*LINES).rotate(turn, expand=True)
    found = recognise(scans.pdf(tmp_path / "a.pdf", image))
    for line, said in ((0, "consider the proposal"), (1, "how many lorries"), (2, "heavier")):
        (box,) = marks(found, said)
        assert overlap(box, turned(drawn(line, said), turn)) > 0.7, (said, box)
    over = marks(found, "warehouse. Members asked")
    assert len(over) == 2
    assert overlap(over[0], turned(drawn(0, "warehouse."), turn)) > 0.7
    assert overlap(over[1], turned(drawn(1, "Members asked"), turn)) > 0.7
    assert len(marks(found, found.blocks[0].text)) == 2
    first = found.blocks[0]
    assert {first.text[a:b] for a, b, _ in first.words} >= {"committee", "lorries"}


def test_words_of_a_skewed_page(tmp_path: Path) -> None:
    image = scans.turned(strip(*LINES), -4)
    found = recognise(scans.pdf(tmp_path / "a.pdf", image))
    (box,) = marks(found, "lorries")
    (line,) = marks(found, "Members asked how many lorries would pass the village each day")
    assert box[2] - box[0] < 45 and box[3] - box[1] < 18
    assert line[2] - line[0] > 220


# --- words in the text ----------------------------------------------------------------------------
def at(n: int) -> Box:
    return (10.0 * n, 0.0, 10.0 * n + 9, 8.0)


def spans(text: str, *words: str) -> list[str]:
    found = ocr_words.placed(text, [(word, at(n)) for n, word in enumerate(words)])
    return [text[start:end] for start, end, _ in found]


def test_a_word_that_a_line_parts_is_two() -> None:
    assert spans("the regulation holds", "the", "regu-", "lation", "holds") == [
        "the",
        "regu",
        "lation",
        "holds",
    ]


def test_marks_that_were_dropped_and_cells_in_another_order() -> None:
    assert spans("keys hang here", "e", "keys", "hang", "--", "here") == ["keys", "hang", "here"]
    assert spans("Bern | 150 | Lyon", "Bern", "Lyon", "150") == ["Bern", "Lyon", "150"]


def test_they_cross_the_wire_and_older_ones_without_them_are_read(tmp_path: Path) -> None:
    document = recognise(scans.pdf(tmp_path / "a.pdf", strip(LINES[0])))
    packed = wire.pack(document)
    assert document.blocks[0].words and wire.unpack(packed, Limits()) == document
    parts = json.loads(packed)
    parts[-1] = [block[:8] for block in parts[-1]]
    assert wire.unpack(json.dumps(parts).encode(), Limits()).blocks[0].words == ()
    for wrong in ([5, 2, [0, 0, 1, 1]], [0, 10**6, [0, 0, 1, 1]], [0, 1], [-1, 1, [0, 0, 1, 1]]):
        parts = json.loads(packed)
        parts[-1][0][8] = [wrong]
        with pytest.raises(ValueError):
            wire.unpack(json.dumps(parts).encode(), Limits())
