"""What taking documents in costs: CPU seconds a megabyte by format and process, memory of the worker.

    python -m bench.ingest --corpus DIR [--data DIR] [--fake] [--rounds 3] [--embedder NAME]

Each format goes into a collection of its own, after the one before is ready, so that the time of each
process is that format's. `--fake`: models that answer at once. `--rounds`: the whole corpus so many
times, each into new collections; the worker's memory is watched all the while.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.processes import Cpu, cpu, memory_of
from bench.product import Product, running

POLL_SECONDS = 1.0
Row = dict[str, Any]


def by_format(corpus: Path) -> dict[str, list[Path]]:
    """The files that the product takes, by what their content is."""
    from ingest.guard import detect_media_type
    from ingest.parsers.base import ParseError
    from ingest.parsers.registry import SUPPORTED

    found: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(each for each in corpus.rglob("*") if each.is_file()):
        try:
            found[SUPPORTED[detect_media_type(file, file.name)]].append(file)
        except ParseError as error:
            print(f"not taken: {file.name}: {error.code}", file=sys.stderr)
    return found


def pids(product: Product) -> dict[str, int]:
    return {each["name"]: int(each["pid"]) for each in product.processes() if each["pid"]}


def put(product: Product, files: Sequence[Path], corpus: Path, name: str) -> Any:
    """Upload the files into a new collection. Returns the collection."""
    from django.core.files.base import File

    from ingest.collections import create_collection
    from ingest.upload import UploadRefused, upload

    collection = create_collection(product.user, name=name)
    for file in files:
        path = file.relative_to(corpus).parent.as_posix().removeprefix(".")
        with file.open("rb") as handle:
            try:
                upload(product.user, collection, File(handle), name=file.name, path=path)
            except UploadRefused as refused:
                print(f"refused: {file.name}: {refused.code}", file=sys.stderr)
    return collection


def wait(collection: Any) -> Row:
    """Until nothing is in work: how the documents ended."""
    from ingest.models import Chunk, Document

    documents = Document.objects.filter(collection=collection)
    while documents.filter(status__in=["queued", "processing"]).exists():
        time.sleep(POLL_SECONDS)
    ends = Counter(f"{d.status} {d.error_code}".strip() for d in documents)
    return {
        "ends": dict(ends),
        "passages": Chunk.objects.filter(document__collection=collection).count(),
    }


def measure(product: Product, files: Sequence[Path], corpus: Path, name: str) -> Row:
    """Take files in and wait: CPU seconds of each process meanwhile, and of this one (uploading)."""
    processes = pids(product)
    before = {each: cpu(pid) for each, pid in processes.items()}
    started, own = time.monotonic(), time.process_time()
    ended = wait(put(product, files, corpus, name))
    spent = {each: cpu(pid) - before[each] for each, pid in processes.items()}
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return {
        "files": len(files),
        "MB": round(megabytes, 2),
        **ended,
        "wall s": round(time.monotonic() - started, 1),
        "CPU s": _stages(spent, time.process_time() - own),
        "CPU s a MB": {
            stage: round(seconds / megabytes, 2)
            for stage, seconds in _stages(spent, time.process_time() - own).items()
        },
    }


def _stages(spent: dict[str, Cpu], own: float) -> dict[str, float]:
    """`uploading` includes this program's waiting; `embedding` is the models process."""
    worker = spent.get("worker", Cpu())
    stages = {
        "uploading": own,
        "reading": worker.readers,
        "worker": worker.own,
        "embedding": spent.get("models", Cpu()).total,
        "vectors": spent.get("chroma", Cpu()).total,
        "broker": spent.get("valkey", Cpu()).total,
    }
    stages["all but embedding"] = sum(stages.values()) - stages["embedding"]
    stages["all"] = stages["all but embedding"] + stages["embedding"]
    return {stage: round(seconds, 2) for stage, seconds in stages.items()}


def total(rows: Sequence[Row]) -> Row:
    megabytes = sum(row["MB"] for row in rows)
    spent: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for row in rows:
        spent.update(row["CPU s"])
        ends.update(row["ends"])
    return {
        "files": sum(row["files"] for row in rows),
        "MB": round(megabytes, 2),
        "ends": dict(ends),
        "passages": sum(row["passages"] for row in rows),
        "CPU s": {stage: round(seconds, 1) for stage, seconds in spent.items()},
        "CPU s a MB": {stage: round(seconds / megabytes, 2) for stage, seconds in spent.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("var/bench-ingest"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--fake", action="store_true", help="models that answer at once")
    parser.add_argument("--embedder", default="", help="another than the default")
    options = parser.parse_args()
    settings = {"SOVEREIGN_MODELS_URL": "fake:"} if options.fake else {}
    if options.embedder:
        settings["SOVEREIGN_EMBEDDER"] = options.embedder
    result: Row = {
        "fake models": options.fake,
        "embedder": options.embedder or "default",
        "rounds": [],
    }
    with running(options.data, settings) as product, memory_of(pids(product)["worker"]) as memory:
        formats = by_format(options.corpus)
        for number in range(1, options.rounds + 1):
            rows: dict[str, Row] = {}
            for kind, files in sorted(formats.items()):
                name = f"{kind} {number} {uuid4().hex[:6]}"
                rows[kind] = measure(product, files, options.corpus, name)
                print(kind, json.dumps(rows[kind], ensure_ascii=False), file=sys.stderr, flush=True)
            result["rounds"].append({"by format": rows, "all": total(list(rows.values()))})
    result["memory of the worker, MB"] = {
        "start": round(memory.start), "end": round(memory.end), "peak": round(memory.peak)
    }  # fmt: skip
    print(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
