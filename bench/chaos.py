"""What kills of workers cost: 200 uploads while every 5 s a worker, or one of its children, is killed.

    python -m bench.chaos [--data DIR] [--uploads 200] [--every 5] [--models fake|real] [--out FILE]

The same files go through the product twice: undisturbed, then with kill -9. At the end every document
must be ready, or failed with a reason; those that are ready must hold the same passages with the same
vectors as undisturbed, in the database, in the index of words and in Chroma, none double, none missing.
Exit code 1 on any fault.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from bench.mixed import files
from bench.processes import tree
from bench.product import ROOT, Product, running

SETTLE_SECONDS = 1_800
TRIES = 20
#: Batches of other sizes give vectors that differ by rounding, and float16 rounds once more.
SAME = 4e-3
#: Of the victims, this share are main processes of a worker.
MAINS = 0.15
Row = dict[str, Any]


@dataclass
class Kills:
    """Kills workers until `over` is set; `done` counts what was killed."""

    product: Product
    every: float
    luck: random.Random
    over: threading.Event = field(default_factory=threading.Event)
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        while not self.over.wait(self.every):
            mains = [
                int(process["pid"])
                for process in self.product.processes()
                if process["name"] == "worker" and process["state"] == "ready"
            ]
            children = [pid for main in mains for pid in tree(main) if pid not in mains]
            main = not children or self.luck.random() < MAINS
            victims = mains if main else children
            if victims:
                with suppress(ProcessLookupError):
                    os.kill(self.luck.choice(victims), signal.SIGKILL)
                    self.done["worker" if main else "child of a worker"] += 1


def upload(product: Product, collection: str, name: str, data: bytes) -> str:
    """Send one file, again after a broken connection. Returns the document's id."""
    url = f"{product.address}/api/v1/collections/{collection}/documents"
    for _ in range(TRIES):
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                url, files={"file": (name, data)}, headers=product.headers, timeout=120
            )
            if answer.status_code == 202:
                return str(answer.json()["documents"][0]["id"])
        time.sleep(1)
    raise SystemExit(f"{name} is not taken.")


def run(
    product: Product, made: list[tuple[str, bytes]], kills: Kills | None = None
) -> tuple[str, set[str], Row]:
    """Upload everything into a new collection and wait for the end of all."""
    from ingest.collections import create_collection

    name = f"chaos {uuid4().hex[:6]}"
    collection = str(create_collection(product.user, name=name).pk)
    began = time.monotonic()
    killer = threading.Thread(target=kills.run, daemon=True) if kills else None
    if killer:
        killer.start()
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(upload, product, collection, *file) for file in made]
    taken = {each.result() for each in sent}
    uploaded = time.monotonic() - began
    settle(collection)
    if kills and killer:
        kills.over.set()
        killer.join()
    seconds = {"uploading": round(uploaded), "until the end": round(time.monotonic() - began)}
    return collection, taken, seconds


def settle(collection: str) -> None:
    from ingest.models import Document

    busy = Document.objects.filter(collection=collection, status__in=["queued", "processing"])
    end, said = time.monotonic() + SETTLE_SECONDS, 0.0
    while (left := busy.count()) and time.monotonic() < end:
        if time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"{left} left", file=sys.stderr)
        time.sleep(1)


# --- what is there ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """What one place holds of one document, by passage."""

    passages: dict[int, tuple[Any, ...]]
    vectors: np.ndarray | None


def kept(document: Any) -> Kept:
    """The passages of a document as the database has them, and their vectors."""
    from ingest.embed import from_bytes
    from ingest.indexes import active

    index = active()
    rows = list(document.chunks.filter(index=index).order_by("ordinal"))
    passages = {
        row.ordinal: (row.text, row.context, row.page, row.start, row.end, row.boxes)
        for row in rows
    }
    blobs = [bytes(row.vector) for row in rows if row.vector is not None]
    whole = len(blobs) == len(rows) > 0
    wholes = [from_bytes([blob], index.dimension)[0] for blob in blobs]
    return Kept(passages, np.stack(wholes) if whole else None)


def indexed_words(ids: set[str]) -> Counter[str]:
    """How often each of these passages is in the index of words."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT chunk FROM ingest_lexical")
        found = [str(row[0]).replace("-", "") for row in cursor.fetchall()]
    return Counter(pk for pk in found if pk in ids)


#: Runs behind the wall, where Chroma is: manage.py goes there.
ASK = textwrap.dedent("""
    import json
    from uuid import UUID
    from ingest import chroma
    found = dict()
    with chroma.client() as client:
        for name in chroma.names(starts=UUID({collection!r}).hex):
            held = client.get_collection(name, embedding_function=None).get(include=["embeddings"])
            for pk, vector in zip(held["ids"], held["embeddings"], strict=True):
                found[pk] = [float(each) for each in vector]
    json.dump(found, open({target!r}, "w"))
""")


def indexed_vectors(product: Product, collection: str) -> dict[str, np.ndarray]:
    """Every vector that Chroma holds of the collection: by passage, those of its pieces by "passage/n"."""
    target = product.data_dir / "tmp" / f"{uuid4().hex}.json"
    target.parent.mkdir(exist_ok=True)
    code = ASK.format(collection=collection, target=str(target))
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    return {pk: np.asarray(vector, np.float32) for pk, vector in found.items()}


def same(one: np.ndarray | None, two: np.ndarray | None) -> bool:
    if one is None or two is None or one.shape != two.shape:
        return False
    return bool(np.abs(one - two).max(initial=0) <= SAME)


def faults(product: Product, collection: str, taken: set[str], quiet: dict[str, Kept]) -> Row:
    """What must be 0, and the names of documents with a fault."""
    from ingest.models import Chunk, Document

    documents = list(Document.objects.filter(collection=collection))
    ready = [one for one in documents if one.status == "ready"]
    rows = Chunk.objects.filter(document__in=ready).values_list("id", "document_id", "ordinal")
    ids = {pk.hex for pk, *_ in rows}
    words, vectors = indexed_words(ids), indexed_vectors(product, collection)
    partial = Chunk.objects.filter(document__collection=collection).exclude(document__in=ready)
    others = {pk.hex for pk in partial.values_list("id", flat=True)}
    changed = []
    for one in ready:
        now, before = kept(one), quiet.get(one.name)
        if before is None or now.passages != before.passages:
            changed.append(f"{one.name}: passages")
        elif not same(now.vectors, before.vectors):
            changed.append(f"{one.name}: vectors")
        elif one.chunk_count != len(now.passages):
            changed.append(f"{one.name}: count")
        else:
            mine = one.chunks.order_by("ordinal").values_list("id", flat=True)
            held = [vectors[pk.hex] for pk in mine if pk.hex in vectors]
            if len(held) == len(now.passages) and not same(np.stack(held), now.vectors):
                changed.append(f"{one.name}: vectors in Chroma")
    return {
        "lost": len(taken - {str(one.pk) for one in documents}),
        "doubled": len(documents) - len({one.sha256 for one in documents}),
        "stuck": sum(one.status in {"queued", "processing"} for one in documents),
        "failed without a reason": sum(
            one.status == "failed" and not (one.error_code and one.error_detail)
            for one in documents
        ),
        "failed and found": sum(one.status == "failed" and one.visible for one in documents),
        "changed": changed,
        "words double": sum(times - 1 for times in words.values()),
        "words missing": len(ids - set(words)),
        "vectors missing": len(ids - set(vectors)),
        "vectors of nothing": len(set(vectors) - ids - others),
    }


def told(collection: str) -> Row:
    """How the documents ended, and what they went through."""
    from ingest.models import Document

    documents = list(Document.objects.filter(collection=collection))
    lost = [int(one.reading.get("lost", 0)) for one in documents]
    return {
        "by status": dict(Counter(f"{one.status} {one.error_code}".strip() for one in documents)),
        "passages": sum(one.chunk_count for one in documents if one.status == "ready"),
        "slow": sum(one.lane == "slow" for one in documents),
        "documents whose worker was lost": sum(count > 0 for count in lost),
        "workers lost at work": sum(lost),
        "most for one document": max(lost, default=0),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("var/bench"))
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills")
    parser.add_argument("--models", choices=["fake", "real"], default="real")
    parser.add_argument("--lease", type=int, default=15, help="SOVEREIGN_LEASE_SECONDS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    settings = {"SOVEREIGN_LEASE_SECONDS": str(options.lease)}
    if options.models == "fake":
        settings["SOVEREIGN_MODELS_URL"] = "fake:"
    with running(options.data, settings) as product:
        from ingest.models import Document

        made = list(files(options.uploads))
        calm, taken, seconds = run(product, made)
        quiet = {one.name: kept(one) for one in Document.objects.filter(collection=calm)}
        found = {"undisturbed": {**told(calm), "seconds": seconds}}
        found["faults undisturbed"] = faults(product, calm, taken, quiet)
        kills = Kills(product, options.every, random.Random(options.seed))  # noqa: S311
        wild, taken, seconds = run(product, made, kills)
        found["with kills"] = {**told(wild), "seconds": seconds, "kills": dict(kills.done)}
        found["faults"] = faults(product, wild, taken, quiet)
    found["unlike undisturbed"] = (
        found["with kills"]["by status"] != found["undisturbed"]["by status"]
    )
    report = json.dumps(found, ensure_ascii=False, indent=1)
    print(report)
    if options.out:
        options.out.write_text(report + "\n", encoding="utf-8")
    broken = [*found["faults undisturbed"].values(), *found["faults"].values()]
    sys.exit(1 if any(broken) else 0)


if __name__ == "__main__":
    main()
