"""A large index: what it costs to fill, hold and ask, and what that says of a larger one.

    python -m bench.scale --data DIR --room DIR [--minutes 40] [--chunks 500000] [--out DIR]

Fills one collection with made-up documents (bench/made.py) as far as the minutes go, stops at steps to
ask it, and appends each step to OUT/scale.jsonl. Started again it goes on, or asks again where all is
filled. It stops earlier at --memory or --disk GB. The arithmetic for --target passages is linear in what
grows with each passage, and a power of the size for times, by the last two steps at least twice apart.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import asking, made
from bench.fill import Filler, Source
from bench.latency import around, centres, documents, fill_to
from bench.report import table, write
from bench.room import Room, standing
from bench.vectors import Cache

Row = dict[str, Any]
STEPS = (10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000)
#: Passages between two looks at the clock, the memory and the disk.
STRIDE = 5_000


class Bounds:
    """When to stop: minutes of filling, GB of memory of all processes, GB on disk."""

    def __init__(self, room: Room, minutes: float, memory: float, disk: float) -> None:
        self._room, self._memory, self._disk = room, memory, disk
        self.left = minutes * 60

    def reached(self) -> str:
        if self.left <= 0:
            return "minutes"
        if sum(self._room.memory().values()) > self._memory * 1_000:
            return "memory"
        return "disk" if sum(self._room.disk().values()) > self._disk * 1_000 else ""


def steps(most: int) -> list[int]:
    return [*(step for step in STEPS if step < most), most]


def fill(filler: Filler, sources: Iterator[Source], to: int, bounds: Bounds) -> tuple[int, str]:
    """Fill up to `to` passages or a bound. Returns how many there are, and which bound it was."""
    there = fill_to(filler, sources, 0)
    while there < to and not (why := bounds.reached()):
        started = time.monotonic()
        there = fill_to(filler, sources, min(to, there + STRIDE))
        bounds.left -= time.monotonic() - started
        print(f"{there:,} passages, {bounds.left:.0f} s left", file=sys.stderr, flush=True)
    return there, "" if there >= to else why


def step(room: Room, filler: Filler, there: int, questions: Sequence[str]) -> Row:
    """What the collection costs at this size, and since this run began."""
    wall, cpu = dict(filler.spent.wall), dict(filler.spent.cpu)
    filling = {"passages": filler.chunks, "vectors": filler.vectors, "wall": wall, "CPU here": cpu}
    before = room.cpu()
    return {
        "run": os.getpid(),
        "passages": there,
        "filled in this run": filling,
        "CPU s so far": {name: round(seconds, 1) for name, seconds in before.items()},
        "memory MB": {name: round(mb) for name, mb in room.memory().items()},
        "disk MB": {name: round(mb) for name, mb in room.disk().items()},
        "asked": asking.asked(room, filler.collection.pk, questions),
    }


# --- what it says of more -----------------------------------------------------------------------


def rate(before: Row | None, after: Row) -> float:
    """Passages a second of filling between two steps, or since the run of `after` began."""
    same = before is not None and before["run"] == after["run"]
    last: Row = before["filled in this run"] if before and same else {"passages": 0, "wall": {}}
    passages = after["filled in this run"]["passages"] - last["passages"]
    seconds = sum(after["filled in this run"]["wall"].values()) - sum(last["wall"].values())
    return passages / seconds if seconds else 0.0


def linear(small: tuple[float, float], large: tuple[float, float], at: float) -> float:
    """The line through two points (size, value), at another size."""
    slope = (large[1] - small[1]) / (large[0] - small[0])
    return large[1] + slope * (at - large[0])


def exponent(small: tuple[float, float], large: tuple[float, float]) -> float:
    """e of value = c * size ** e through two points; 0 where a value is none."""
    if min(small[1], large[1]) <= 0:
        return 0.0
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def power(small: tuple[float, float], large: tuple[float, float], at: float) -> float:
    return large[1] * math.pow(at / large[0], exponent(small, large))


def pair(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """The largest step and the largest that is at most half of it."""
    large = max(rows, key=lambda row: row["passages"])
    smaller = [row for row in rows if 2 * row["passages"] <= large["passages"]]
    return (max(smaller, key=lambda row: row["passages"]), large) if smaller else None


def extrapolated(rows: Sequence[Row], target: int) -> list[list[str]]:
    """Lines of a table: what, at the smaller step, at the larger, how it grows, at `target`."""
    if not (steps_ := pair(rows)):
        return []
    sizes = [float(row["passages"]) for row in steps_]
    lines = []
    for key, names in (("memory MB", ("chroma",)), ("disk MB", ("database", "chroma"))):
        for name in names:
            points = [(n, float(row[key][name])) for n, row in zip(sizes, steps_, strict=True)]
            each = (points[1][1] - points[0][1]) * 1e3 / (sizes[1] - sizes[0])
            there = linear(points[0], points[1], target) / 1e3
            values = [f"{value / 1e3:.2f} GB" for _, value in points]
            label = f"{key.removesuffix(' MB')}, {name}"
            lines.append([label, *values, f"{each:.2f} kB a passage", f"{there:.1f} GB"])
    return lines + _times(steps_, sizes, target)


def _times(steps_: tuple[Row, Row], sizes: Sequence[float], target: int) -> list[list[str]]:
    lines = []
    for stage in steps_[1]["asked"]["stages"]:
        values = [row["asked"]["stages"].get(stage, {}).get("p50") or 0.0 for row in steps_]
        small, large = ((n, value) for n, value in zip(sizes, values, strict=True))
        lines.append(
            [
                f"p50, {stage}",
                *(f"{value:.1f} ms" for value in values),
                f"size to the {exponent(small, large):.2f}",
                f"{power(small, large, target):.0f} ms",
            ]
        )
    return lines


def markdown(rows: Sequence[Row], target: int) -> str:
    head = ["passages", "filled a second", "memory MB (Chroma / this process)"]
    head += ["disk MB (database / Chroma)", *asking.head(rows[-1]["asked"])]
    lines = [
        [
            f"{row['passages']:,}",
            round(rate(before, row)),
            f"{row['memory MB']['chroma']} / {row['memory MB']['here']}",
            f"{row['disk MB']['database']} / {row['disk MB']['chroma']}",
            *asking.line(row["asked"]),
        ]
        for before, row in zip([None, *rows], rows, strict=False)
    ]
    small = ["what", "at half or less", "at the largest", "grows", f"at {target:,}"]
    return "\n".join(
        [table(head, lines), "", "Times in ms, p50 / p95.", "", table(small, extrapolated(rows, target))]
    )  # fmt: skip


# --- running ------------------------------------------------------------------------------------


def kept(file: Path) -> list[Row]:
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return list({row["passages"]: row for row in rows}.values())


def keep(file: Path, row: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(row, ensure_ascii=False) + "\n")


def options_() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--room", type=Path, required=True, help="a folder of its own")
    parser.add_argument("--minutes", type=float, default=40.0, help="of filling, asking apart")
    parser.add_argument("--chunks", type=int, default=500_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--vectors", type=int, default=0, help="a passage; 0: as the product does")
    parser.add_argument("--memory", type=float, default=12.0, help="GB at most")
    parser.add_argument("--disk", type=float, default=25.0, help="GB at most")
    parser.add_argument("--target", type=int, default=10_000_000)
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="of vectors")
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    return parser.parse_args()


def main() -> None:
    options = options_()
    file = options.out / "scale.jsonl"
    with standing(options.room) as room:
        from ingest.indexes import active

        clouds = made.Clouds(centres(options.data, Cache(options.cache, active().embedder)))
        filler = Filler(room.user, "scale", around(clouds, options.vectors))
        sources = documents(made.Texts(list(made.sources(options.data))))
        questions = made.questions(options.data, options.questions)
        bounds = Bounds(room, options.minutes, options.memory, options.disk)
        before, why = fill_to(filler, sources, 0), ""
        for to in [each for each in steps(options.chunks) if each > before] or [before]:
            there, why = fill(filler, sources, to, bounds)
            keep(file, row := step(room, filler, there, questions))
            print(json.dumps(row), file=sys.stderr, flush=True)
            if why:
                break
    rows = kept(file)
    text = markdown(rows, options.target) + (f"\n\nStopped by: {why}." if why else "")
    write(options.out, "scale", {"steps": rows}, text)


if __name__ == "__main__":
    main()
