"""What a kill -9 costs: 20 uploads and 20 questions while worker, models and web are killed in turn.

    python -m bench.crash [--data DIR] [--uploads 20] [--questions 20] [--kills 2]

Counts what is lost (taken, then gone), doubled, or stuck (never ends). All three must be 0. An answer
that was cut off and says so (`interrupted`), and a caller who is told that the connection broke, are
good ends. Exit code 1 when something is lost, doubled or stuck.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from bench.product import Product, running

VICTIMS = ("worker", "models", "web")
PAUSE_SECONDS = 4.0
SETTLE_SECONDS = 600
TRIES = 40
Row = dict[str, Any]


@dataclass
class Seen:
    """What the callers were told."""

    documents: list[str] = field(default_factory=list)
    refused: int = 0
    answers: list[str] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, name: str) -> None:
        with self.lock:
            self.ends[name] = self.ends.get(name, 0) + 1


def text_of(number: int) -> str:
    """A document of its own words: about two pages."""
    return "\n\n".join(
        f"Report {number}, part {part}.\n\nStation {number}-{part} measured {number * 37 + part} "
        "litres a second. " + "The river was calm and the gauge was read by hand. " * 12
        for part in range(1, 13)
    )


def upload(product: Product, collection: str, number: int, seen: Seen) -> None:
    """Send one file, again after a broken connection: the same bytes are the same document."""
    url = f"{product.address}/api/v1/collections/{collection}/documents"
    file = (f"report-{number}.txt", text_of(number).encode(), "text/plain")
    for _ in range(TRIES):
        try:
            answer = httpx.post(url, files={"file": file}, headers=product.headers, timeout=60)
        except httpx.HTTPError:
            time.sleep(1)
            continue
        if answer.status_code == 202:
            body = answer.json()
            with seen.lock:
                seen.documents += [document["id"] for document in body["documents"]]
                seen.refused += len(body["refused"])
            return
        time.sleep(1)
    with seen.lock:
        seen.refused += 1


def ask(product: Product, collection: str, number: int, seen: Seen) -> None:
    """Ask once and read to the end, or until the connection breaks."""
    body = {"question": f"What did station {number}-3 measure?", "collections": [collection]}
    url, last = f"{product.address}/api/v1/answers", "no connection"
    try:
        with httpx.stream("POST", url, json=body, headers=product.headers, timeout=300) as response:
            last = "broken" if response.status_code == 200 else f"HTTP {response.status_code}"
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    if name == "started":
                        with seen.lock:
                            seen.answers.append(data["answer"])
                    elif name in {"done", "failed"}:
                        last = str(data.get("status") or f"failed: {data['code']}")
    except httpx.HTTPError:
        pass
    seen.end(last)


def kill(product: Product, name: str, seen: Seen) -> None:
    for process in product.processes():
        if process["name"] == name and process["state"] == "ready" and process["pid"]:
            os.kill(int(process["pid"]), signal.SIGKILL)
            seen.kills.append(name)
            print(f"killed {name} ({process['pid']})", file=sys.stderr)
            return
    print(f"{name} is not ready: not killed", file=sys.stderr)


def storm(product: Product, collection: str, options: argparse.Namespace) -> Seen:
    seen = Seen()
    with ThreadPoolExecutor(8) as uploads, ThreadPoolExecutor(8) as questions:
        for number in range(1, options.uploads + 1):
            uploads.submit(upload, product, collection, number, seen)
        for number in range(1, options.questions + 1):
            questions.submit(ask, product, collection, number, seen)
        for name in VICTIMS * options.kills:
            time.sleep(PAUSE_SECONDS)
            kill(product, name, seen)
    return seen


def settle(collection: str, user: Any) -> float:
    """Wait until no document and no answer is in work. Returns the seconds it took."""
    started = time.monotonic()
    while time.monotonic() - started < SETTLE_SECONDS and (
        documents(collection, busy=True) or answers(user, busy=True)
    ):
        time.sleep(2)
    return time.monotonic() - started


def documents(collection: str, *, busy: bool = False) -> list[Any]:
    from ingest.models import Document

    rows = Document.objects.filter(collection=collection)
    return list(rows.filter(status__in=["queued", "processing"]) if busy else rows)


def answers(user: Any, *, busy: bool = False) -> list[Any]:
    from chat.models import Message

    rows = Message.objects.filter(conversation__user=user, role="assistant")
    return list(rows.filter(status__in=["queued", "running"]) if busy else rows)


def verdict(collection: str, user: Any, seen: Seen, before: set[str]) -> Row:
    from django.db.models import Count

    from ingest.models import Chunk

    found, said = documents(collection), [a for a in answers(user) if str(a.pk) not in before]
    ids = {str(document.pk) for document in found}
    hashes = [document.sha256 for document in found]
    texts = Chunk.objects.filter(document__collection=collection)
    doubled = texts.values("document", "text").annotate(n=Count("id")).filter(n__gt=1).count()
    asked = {answer.conversation_id for answer in said}  # each question opened a conversation
    return {
        "documents": {
            "taken": len(set(seen.documents)),
            "refused": seen.refused,
            "by status": _counts(document.status for document in found),
            "lost": len(set(seen.documents) - ids),
            "doubled": len(hashes) - len(set(hashes)) + doubled,
            "stuck": sum(document.status in {"queued", "processing"} for document in found),
        },
        "answers": {
            "started": len(seen.answers),
            "ends seen by the caller": seen.ends,
            "by status": _counts(f"{a.status} {a.error_code}".strip() for a in said),
            "lost": len(set(seen.answers) - {str(answer.pk) for answer in said}),
            "doubled": len(said) - len(asked),
            "stuck": sum(answer.status in {"queued", "running"} for answer in said),
        },
        "kills": _counts(seen.kills),
    }


def _counts(values: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[str(value)] = found.get(str(value), 0) + 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("var/bench"))
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2, help="rounds of one kill for each process")
    options = parser.parse_args()
    with running(options.data) as product:
        from ingest.collections import create_collection

        collection = str(create_collection(product.user, name=f"crash {uuid4().hex[:6]}").pk)
        before = {str(answer.pk) for answer in answers(product.user)}
        seen = storm(product, collection, options)
        seconds = settle(collection, product.user)
        result = verdict(collection, product.user, seen, before)
    result["seconds until everything had ended"] = round(seconds)
    print(json.dumps(result, ensure_ascii=False, indent=1))
    bad = [
        result[kind][what]
        for kind in ("documents", "answers")
        for what in ("lost", "doubled", "stuck")
    ]
    sys.exit(1 if any(bad) else 0)


if __name__ == "__main__":
    main()
