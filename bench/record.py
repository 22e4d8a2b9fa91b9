"""What the record costs: an entry with and without the chain, its share of an answer, verification.

    .venv/bin/python -m bench.record [--entries 2000] [--answer-ms 8000] [--verify 10000 100000]

On a database of its own in a temporary folder, the default kind (SQLite in WAL mode), or the one
that DATABASE_URL names: never give the address of an installation, the tables are filled.
`--answer-ms` is the wall time of an answer as bench.answers measured it on the same machine.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial

ID = "6a1c7d1e-0000-4000-8000-00000000"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sovereign-bench-") as folder:
        os.environ["SOVEREIGN_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "sovereign.settings"
        os.environ.setdefault("SOVEREIGN_LOG_LEVEL", "ERROR")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        print(f"database: {connection.vendor}")
        costs(options.entries, options.answer_ms)
        for size in options.verify:
            verification(size)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--answer-ms", type=float, default=8_000.0)
    parser.add_argument("--verify", type=int, nargs="*", default=[10_000, 100_000])
    return parser.parse_args()


def write_one(number: int) -> None:
    """What an answer leaves, in a transaction of its own: six passages of three documents."""
    from django.db import transaction

    from audit import actions
    from audit.record import record

    with transaction.atomic():
        record(
            actions.ANSWERED,
            target=("answer", f"{ID}{number:04x}"),
            data={
                "status": "done",
                "code": "",
                "model": "qwen2.5-coder-1.5b-instruct",
                "documents": [f"{ID}{each:04x}" for each in range(3)],
                "chunks": [f"{ID}{each:04x}" for each in range(6)],
                "citations": 3,
            },
        )


def write_many(numbers: Iterable[int]) -> None:
    for number in numbers:
        write_one(number)


def costs(count: int, answer_ms: float) -> None:
    """Side by side, in turns, so that the machine's moods hit both alike."""
    from audit.seal import seal

    parts: dict[str, list[tuple[float, float]]] = {"record()": [], "seal()": [], "idle seal()": []}
    batch = 50
    seal()
    for start in range(0, count, batch):
        writing = partial(write_many, range(start, start + batch))
        parts["record()"].append(timed(writing, batch))
        parts["seal()"].append(timed(seal, batch))
        parts["idle seal()"].append(timed(seal, 1))
    print(f"{count} entries                 CPU ms    wall ms   (median of batches of {batch})")
    for name, seen in parts.items():
        cpu, wall = (statistics.median(each[place] for each in seen) for place in (0, 1))
        print(f"{name:24} {cpu:10.3f} {wall:10.3f}")
    both = [a[1] + b[1] for a, b in zip(parts["record()"], parts["seal()"], strict=True)]
    ms = statistics.median(both)
    alone = statistics.median(wall for _, wall in parts["record()"])
    print(
        f"an entry without the chain {alone:.3f} ms, with it {ms:.3f} ms, at worst {max(both):.3f} ms"
    )
    print(f"share of an answer of {answer_ms:.0f} ms: {100 * ms / answer_ms:.3f}%")


def timed(call: Callable[[], object], units: int) -> tuple[float, float]:
    """CPU and wall in ms for each unit."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return tuple(
        1_000 * spent / units for spent in (time.process_time() - cpu, time.perf_counter() - wall)
    )


def verification(size: int) -> None:
    import resource

    from audit.models import Entry, Seal
    from audit.seal import seal
    from audit.verify import verify

    missing = size - Seal.objects.count()
    for start in range(0, max(0, missing), 1_000):
        made = min(1_000, missing - start)
        Entry.objects.bulk_create(
            Entry(action="chat.answer.finish", actor=ID, data={"chunks": [ID] * 6, "n": n})
            for n in range(made)
        )
    cpu, wall = timed(lambda: seal(everywhere=True), max(1, missing))
    print(f"sealing {missing} at once: {cpu:.3f} ms CPU, {wall:.3f} ms wall an entry")
    cpu, wall = timed(verify, 1)
    verdict = verify()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(
        f"verify {verdict.sealed} entries: {wall / 1_000:.2f} s wall, {cpu / 1_000:.2f} s CPU, "
        f"{verdict.sealed / wall * 1_000:.0f} a second, intact: {verdict.ok}, "
        f"process peak {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
