"""Parses every file of a folder in the sandbox: outcomes, CPU seconds, passages, quotes found.

    python bench/parse_corpus.py FOLDER [--questions FILE] [--show] [--only .pdf]

`--questions`: JSON lines with evidence quotes; counts those held by one passage and word for word.
"""

import argparse
import collections
import json
import re
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ingest.chunk import ChunkDraft, chunk_document
from ingest.guard import detect_media_type
from ingest.parsers.base import Limits, ParseError
from ingest.parsers.registry import APART, SUPPORTED
from ingest.parsers.sandbox import parse_isolated

WORD = re.compile(r"\w+(?:[.,]\d+)*")


def fold(text: str) -> str:
    return " ".join(text.casefold().split())


def holds(passage: str, quote: str) -> bool:
    """The quote stands in the passage, or 70% of its distinct words do (folded)."""
    if fold(quote) in fold(passage):
        return True
    wanted = set(WORD.findall(quote.casefold()))
    return len(wanted & set(WORD.findall(passage.casefold()))) >= 0.7 * len(wanted)


def child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read(path: Path) -> tuple[str, list[ChunkDraft], str, float, float]:
    """Outcome, passages, media type, CPU seconds of the child, CPU seconds of chunking."""
    before, media_type, passages = child_seconds(), "refused", []
    chunking = 0.0
    try:
        media_type = detect_media_type(path, path.name)
        parsed = parse_isolated(
            path, media_type, Limits(), cpu_seconds=120, wall_seconds=300, memory_mb=1024
        )
        started = time.process_time()
        passages = chunk_document(
            parsed, title=parsed.title or path.name, apart=media_type in APART
        )
        chunking = time.process_time() - started
        outcome = "text" + (
            f" ({'; '.join(n.code for n in parsed.warnings)})" if parsed.warnings else ""
        )
    except ParseError as error:
        outcome = f"{error.code}: {error.detail}"
    return outcome, passages, media_type, child_seconds() - before, chunking


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--questions", type=Path)
    arguments.add_argument("--only", help="files with this ending alone")
    arguments.add_argument("--show", action="store_true", help="one line a file")
    options = arguments.parse_args()
    passages: dict[str, list[ChunkDraft]] = {}
    outcomes: collections.Counter[str] = collections.Counter()
    costs: dict[str, list[float]] = collections.defaultdict(lambda: [0.0] * 4)
    for path in sorted(p for p in options.folder.rglob("*") if p.is_file()):
        if options.only and path.suffix.lower() != options.only:
            continue
        started = time.monotonic()
        outcome, found, media_type, parsing, chunking = read(path)
        passages[str(path.relative_to(options.folder))] = found
        outcomes[outcome.split(":")[0].split(" ")[0]] += 1
        cost = costs[SUPPORTED.get(media_type, "refused")]
        for index, value in enumerate((1, path.stat().st_size / 1e6, parsing, chunking)):
            cost[index] += value
        if options.show:
            print(
                f"{time.monotonic() - started:6.2f} s {len(found):4} "
                f"{path.relative_to(options.folder)}: {outcome}"
            )
    report(outcomes, costs, passages)
    if options.questions:
        quotes(options.questions, options.folder.name, passages)


def report(
    outcomes: dict[str, int], costs: dict[str, list[float]], passages: dict[str, list[ChunkDraft]]
) -> None:
    print("outcomes:", dict(outcomes))
    for kind, (files, megabytes, parsing, chunking) in sorted(costs.items()):
        print(
            f"{kind:12} {files:4.0f} files {megabytes:7.2f} MB  parse {parsing:6.2f} CPU s "
            f"({parsing / max(megabytes, 0.001):.2f} a MB, {parsing / files:.3f} a file)  "
            f"chunk {chunking:.2f} CPU s"
        )
    words = sorted(len(p.text.split()) for found in passages.values() for p in found)
    if words:
        at = {
            share: words[min(len(words) - 1, int(share * len(words)))]
            for share in (0.05, 0.25, 0.5, 0.75, 0.95)
        }
        print(
            f"passages: {len(words)}, words: mean {statistics.mean(words):.0f}, {at}, most {words[-1]}"
        )


def quotes(questions: Path, root: str, passages: dict[str, list[ChunkDraft]]) -> None:
    total = held = exact = 0
    for line in questions.read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        for evidence in question["evidence"]:
            name = evidence["file"].removeprefix(f"{root}/")
            if name not in passages:
                continue
            total += 1
            texts = [passage.text for passage in passages[name]]
            found = any(holds(text, evidence["quote"]) for text in texts)
            word_for_word = any(fold(evidence["quote"]) in fold(text) for text in texts)
            held, exact = held + found, exact + word_for_word
            if not word_for_word:
                print(
                    "lost" if not found else "not word for word",
                    question["id"],
                    name,
                    "|",
                    evidence["quote"],
                )
    print(f"quotes: {total}, held by one passage {held}, word for word in one {exact}")


if __name__ == "__main__":
    main()
