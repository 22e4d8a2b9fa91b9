"""Files that break parsers, through the running product: how each ends, and what it took.

    python -m bench.bad --corpus DIR [--data DIR] [--show]

Wanted: every file ready or failed with a code, or refused with one; no worker lost; no attempt to call
out that got through; no file written outside the data folder; no reader above its memory. Exit code 1
where a document is stuck, failed as `internal-error` or `worker-lost`, or a worker process was lost.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.ingest import pids, wait
from bench.processes import tree
from bench.product import Product, running

SAMPLE_SECONDS = 0.02
FAULTS = ("internal-error", "worker-lost")
#: Where other programs of the machine write all the time.
BUSY = ("/proc", "/sys", "/dev", "/run", "/var/log", "/var/cache")
Row = dict[str, Any]


class Readers(threading.Thread):
    """Watches the processes that the worker's pool starts: the most memory that one of them had."""

    def __init__(self, worker: int) -> None:
        super().__init__(daemon=True)
        self.worker, self.over = worker, threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            for pid in list(tree(self.worker)):
                self.peak_mb = max(self.peak_mb, _reader_peak(pid))


def _reader_peak(pid: int) -> float:
    """VmHWM in MB of a reader's child; 0 for any other process."""
    try:
        if b"parsers/child.py" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return 0.0
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1e3 if lines else 0.0


def put(product: Product, corpus: Path) -> tuple[Any, dict[str, str], dict[Any, str]]:
    """Upload all files: the collection, the code of each refused file, the file of each document."""
    from django.core.files.base import File

    from ingest.collections import create_collection
    from ingest.upload import UploadRefused, upload

    collection = create_collection(product.user, name=f"bad {uuid4().hex[:6]}")
    refused: dict[str, str] = {}
    file_of: dict[Any, str] = {}
    for file in sorted(each for each in corpus.rglob("*") if each.is_file()):
        name = file.relative_to(corpus).as_posix()
        with file.open("rb") as handle:
            try:
                folder = file.parent.name
                taken = upload(product.user, collection, File(handle), name=file.name, path=folder)
                file_of.setdefault(taken.document.pk, name)
            except UploadRefused as problem:
                refused[name] = f"refused {problem.code}"
    return collection, refused, file_of


def outcomes(collection: Any, file_of: dict[Any, str]) -> dict[str, tuple[str, int]]:
    """How each document ended, and how many characters its passages hold."""
    from django.db.models import Sum
    from django.db.models.functions import Length

    from ingest.models import Document

    found = Document.objects.filter(collection=collection, container=None)
    rows = found.annotate(letters=Sum(Length("chunks__text")))
    return {
        file_of.get(row.pk, row.name): (f"{row.status} {row.error_code}".strip(), row.letters or 0)
        for row in rows
    }


def by_folder(ends: dict[str, tuple[str, int]]) -> dict[str, Row]:
    folders: dict[str, Counter[str]] = defaultdict(Counter)
    for name, (end, letters) in ends.items():
        folder = folders[name.partition("/")[0]]
        folder[end] += 1
        folder["with text"] += letters > 0
        folder["files"] += 1
    return {name: dict(sorted(counts.items())) for name, counts in sorted(folders.items())}


def written_since(stamp: Path, data: Path) -> list[str]:
    """Files outside the data folder that changed after `stamp`."""
    skip = [
        part for path in (*BUSY, str(data.absolute())) for part in ("-path", path, "-prune", "-o")
    ]
    found = subprocess.run(
        ["find", "/", *skip, "-type", "f", "-newer", str(stamp), "-print"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [line for line in found.stdout.splitlines() if line != str(stamp)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("var/bench-bad"))
    parser.add_argument("--show", action="store_true", help="one line a file")
    options = parser.parse_args()
    with running(options.data, {"SOVEREIGN_MODELS_URL": "fake:"}) as product:
        workers = sorted(tree(pids(product)["worker"]))
        stamp = options.data / "stamp"
        stamp.touch()
        readers = Readers(pids(product)["worker"])
        readers.start()
        started = time.monotonic()
        collection, refused, file_of = put(product, options.corpus)
        ended = wait(collection)
        seconds = time.monotonic() - started
        readers.over.set()
        ends = {name: (code, 0) for name, code in refused.items()} | outcomes(collection, file_of)
        lost = sorted(set(workers) - set(tree(pids(product)["worker"])))
        calls = (options.data / "evidence" / "refused.jsonl").is_file()
        elsewhere = written_since(stamp, options.data)
    if options.show:
        for name, (end, letters) in sorted(ends.items()):
            print(f"{letters:8} {end:32} {name}")
    result = {
        "files": len(ends),
        "ends": dict(Counter(end for end, _ in ends.values()).most_common()),
        "by folder": by_folder(ends),
        "passages": ended["passages"],
        "wall s": round(seconds),
        "peak of a reader, MB": round(readers.peak_mb),
        "worker processes lost": lost,
        "calls out that wait for the record": calls,
        "files written elsewhere": elsewhere[:50],
    }
    print(json.dumps(result, ensure_ascii=False, indent=1))
    faulty = [name for name, (end, _) in ends.items() if end.endswith(FAULTS)]
    print("\n".join(faulty), file=sys.stderr)
    sys.exit(1 if faulty or lost else 0)


if __name__ == "__main__":
    main()
