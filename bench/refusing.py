"""When should it refuse? Answerable and unanswerable questions on the same passages, and the curve.

    python -m bench.refusing --data DIR [--each N] [--seed S] [--room DIR] [--out DIR]

CLAPnQ (DIR/qa/clapnq-dev.jsonl): every passage of the set becomes a document, N questions of both kinds
are answered by the chat model that is installed. Nothing is refused for want of confidence meanwhile,
so that each threshold can be counted afterwards. Each answer is kept in OUT/refusing.jsonl as it comes:
a second run goes on where the first one stopped. `--fit` finds the weights of chat/weigh.py for FILES
of such lines (those of `bench.answers` will not do: they hold no signals).
"""

import argparse
import json
import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.public import fill
from bench.report import table, write
from bench.room import Room, standing
from bench.sets import clapnq, lines
from bench.vectors import Cache
from evaluation.curve import Point, Told, best, curve

Row = dict[str, Any]
#: Signals in the order of their weights; what is unknown is in the middle.
SIGNALS = ("odds", "covered")


def chosen(data: Path, each: int, seed: int) -> list[Row]:
    """As many of both kinds, mixed, so that a run that is cut off has both."""
    rows = list(lines(data / "qa" / "clapnq-dev.jsonl"))
    pick = random.Random(seed)  # noqa: S311 (repeatable)
    kinds = [[row for row in rows if row["answerable"] is kind] for kind in (True, False)]
    drawn = [pick.sample(kind, min(each, len(kind))) for kind in kinds]
    return [row for pair in zip(*drawn, strict=False) for row in pair]


def ask(room: Room, collection: uuid.UUID, row: Row) -> Row:
    """One question as people ask it; what came of it."""
    from chat.answer import answer
    from chat.ask import Ask
    from chat.events import Done, Failed, Token, Withdrawn

    asked = Ask(room.user, row["question"], (collection,), uuid.uuid4())
    kept: Row = {"id": row["id"], "answerable": row["answerable"], "text": "", "status": "failed"}
    for event in answer(asked, stopped=lambda: False):
        match event:
            case Token():
                kept["text"] += event.text
            case Withdrawn():
                kept |= {"text": "", "withdrawn": True}
            case Done():
                signals = asdict(event.signals) if event.signals else None
                kept |= {"status": event.status, "confidence": event.confidence}
                kept |= {"signals": signals, "ms": event.ms}
            case Failed():
                kept["error"] = event.code
    return kept


def collect(room: Room, cache: Cache, options: argparse.Namespace) -> list[Row]:
    path = options.out / "refusing.jsonl"
    options.out.mkdir(parents=True, exist_ok=True)
    known = {row["id"]: row for row in lines(path)} if path.exists() else {}
    filled = fill(room, cache, clapnq(options.data))
    questions = chosen(options.data, options.each, options.seed)
    with path.open("a", encoding="utf-8") as file:
        for number, row in enumerate(questions, 1):
            if row["id"] in known:
                continue
            known[row["id"]] = kept = ask(room, filled.collection, row)
            if kept["status"] == "failed":
                raise SystemExit(f"{row['id']} failed: {kept.get('error')}")
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
            file.flush()
            print(
                f"{number}/{len(questions)} {kept['answerable']} {kept['confidence']}", flush=True
            )
    return [known[row["id"]] for row in questions]


def told(rows: Iterable[Row]) -> list[Told]:
    return [Told(row["answerable"], row["confidence"] or 0.0) for row in rows]


def fit(files: Sequence[Path]) -> None:
    """Print the weights of a logistic regression, both kinds of questions counted alike."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from chat.weigh import NEUTRAL_COVERED, NEUTRAL_ODDS

    rows = [row for file in files for row in lines(file) if row.get("signals")]
    unknown = dict(zip(SIGNALS, (NEUTRAL_ODDS, NEUTRAL_COVERED), strict=True))
    values = np.array(
        [
            [unknown[name] if (v := row["signals"][name]) is None else v for name in SIGNALS]
            for row in rows
        ]
    )
    model = LogisticRegression(class_weight="balanced").fit(
        values, [row["answerable"] for row in rows]
    )
    weights = dict(zip(SIGNALS, model.coef_[0].round(2).tolist(), strict=True))
    print(f"{len(rows)} answers: bias {model.intercept_[0]:.2f}, {weights}")


def markdown(points: Sequence[Point], rows: Sequence[Row]) -> str:
    found = best(points)
    lines_of = [
        [f"{p.threshold:.2f}", f"{p.unanswerable:.2f}", f"{p.answerable:.2f}", f"{p.balanced:.3f}"]
        for p in points
    ]
    head = ["threshold", "unanswerable refused", "answerable refused", "balanced accuracy"]
    kinds = [sum(row["answerable"] is kind for row in rows) for kind in (True, False)]
    said = f"{kinds[0]} answerable, {kinds[1]} not."
    if found:
        said += f" Best: {found.balanced:.3f} at {found.threshold:.2f}."
    return f"{said}\n\n{table(head, lines_of)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of the sets")
    parser.add_argument("--each", type=int, default=60, help="questions of both kinds")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--fit", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--room", type=Path, default=Path("var/bench/public"))
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="of vectors")
    parser.add_argument("--out", type=Path, default=Path("var/bench/results"))
    options = parser.parse_args()
    if options.fit:
        fit(options.fit)
        return
    if not options.data:
        parser.error("--data is needed")
    wanted = {"SOVEREIGN_ENGINE": "auto", "SOVEREIGN_ABSTAIN_BELOW": "0"}
    with standing(options.room, wanted) as room:
        from ingest.indexes import active

        rows = collect(room, Cache(options.cache, active().embedder), options)
    points = curve(told(rows))
    write(
        options.out,
        "refusing",
        {"curve": [asdict(point) for point in points]},
        markdown(points, rows),
    )


if __name__ == "__main__":
    main()
