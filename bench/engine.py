"""Engines for chat models side by side: tokens a CPU second by askers, first tokens, cancels.

    python -m bench.engine --handbook FOLDER --model smollm2-135m-instruct --askers 1 2 4 8

Each engine is a process of its own; for each number of askers all engines take their turn before the
next number, so that what else happens on the machine meets all. Every prompt is a passage of its own
and asks for a word of its own at the beginning of the answer.
"""

import argparse
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.quoting import quoting
from bench.serving import Row, Served

#: `unguessed`: batched, without looking up prompts; `in turn`: batched, asked one after the other.
ENGINES = ("batched", "single", "xllamacpp", "unguessed", "in turn")
ASKERS = (1, 2, 4, 8, 16)
ANSWER_TOKENS = 64
#: Words that come to about 500 tokens with instructions and question.
WORDS = 240


def passages(folder: Path) -> Iterator[str]:
    """Texts of WORDS words, each from another place of the handbook."""
    for file in sorted(folder.rglob("*")):
        if file.suffix not in (".md", ".txt"):
            continue
        words = re.sub(r"[^\w .,;:%()-]+", " ", file.read_text("utf-8", "replace")).split()
        for start in range(0, len(words) - WORDS, WORDS):
            yield " ".join(words[start : start + WORDS])


class Child:
    """One engine in a process of its own, spoken to in lines of JSON."""

    def __init__(self, name: str, options: argparse.Namespace, parallel: int) -> None:
        command = [sys.executable, "-m", "bench.engine", "--child", name, "--model", options.model]
        command += ["--threads", str(options.threads), "--parallel", str(parallel)]
        self.name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout and self._process.stdin  # noqa: S101
        self.about = json.loads(self._process.stdout.readline())

    def __call__(self, **order: Any) -> Row:
        assert self._process.stdout and self._process.stdin  # noqa: S101
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        assert self._process.stdin  # noqa: S101
        self._process.stdin.close()
        self._process.wait(60)


def prompt(passage: str, marker: str, more: str = "") -> str:
    return (
        f"<passages>\n[1] {passage}\n</passages>\n\nQuestion: what does it say?{more}\n\n"
        f"Begin with the word {marker}, then retell all of it in twenty sentences of ten words."
    )


def askers(served: Served, said: list[str], markers: list[str], in_turn: bool = False) -> Row:
    before, started = _cpu(), time.monotonic()
    rows = (served.in_turn if in_turn else served.together)(said, ANSWER_TOKENS)
    cpu, wall = _cpu() - before, time.monotonic() - started
    firsts = sorted(row["first"] or wall for row in rows)
    # What was asked for, whoever had read a part of it before: the same for all engines.
    tokens = sum(row["cached"] + row["read"] + row["written"] for row in rows)
    return {
        "tokens": tokens,
        "read": sum(row["read"] for row in rows),
        "written": sum(row["written"] for row in rows),
        "cpu": cpu,
        "wall": wall,
        "tokens/cpu s": tokens / cpu,
        "tokens/s": tokens / wall,
        "first p50": statistics.median(firsts),
        "first max": firsts[-1],
        "marked": sum(m in row["text"] for m, row in zip(markers, rows, strict=True)),
        "foreign": sum(
            other in row["text"]
            for m, row in zip(markers, rows, strict=True)
            for other in markers
            if other != m
        ),
        "texts": [row["text"] for row in rows],
    }


def follow(served: Served, said: list[str]) -> Row:
    """First tokens: of a cold prompt, behind warm instructions, of a second question to the same."""
    cold = served.alone(said[0], 8)
    warm = served.alone(said[1], 8)
    second = served.alone(said[2], 8)
    look = served.together([each + " Yes or no?" for each in said[3:]], 1)
    answers = served.together(said[3:], 8)
    return {
        "cold": cold["first"],
        "warm": warm["first"],
        "second": second["first"],
        "second/first": second["first"] / warm["first"],
        "warm/cold": warm["first"] / cold["first"],
        "answers after looks cached": sum(row["cached"] for row in answers)
        / sum(row["cached"] + row["read"] for row in answers),
        "look first": statistics.median(row["first"] for row in look),
        "answer first": statistics.median(row["first"] for row in answers),
    }


def write(served: Served, said: str, tokens: int) -> Row:
    """One answer, and the CPU seconds of its writing: the prompt has been read by a look before."""
    served.alone(said, 1)
    before = _cpu()
    row = served.alone(said, tokens)
    return row | {"cpu": _cpu() - before, "wall": row["seconds"] - row["first"]}


def cancel(served: Served, said: list[str]) -> Row:
    """Milliseconds from leaving a generation until the engine has nothing to do."""
    from inference.protocol import ChatMessage, Sampling

    times = {"reading": [], "writing": []}  # type: dict[str, list[float]]
    for n, each in enumerate(said):
        kind = "writing" if n % 2 else "reading"
        pieces = served.engine.chat([ChatMessage("user", each)], Sampling(200))
        for piece in pieces:
            if kind == "reading" or piece.text:
                break
        started = time.monotonic()
        pieces.close()
        while getattr(served.engine, "busy", False):
            time.sleep(0.001)
        times[kind].append((time.monotonic() - started) * 1_000)
    return {f"{kind} ms": statistics.median(values) for kind, values in times.items()}


def child(options: argparse.Namespace) -> None:
    served = Served(options.child, options.model, options.threads, options.parallel)
    served.alone("Say hello.", 4)
    jobs: dict[str, Callable[..., Row]] = {
        "askers": askers,
        "follow": follow,
        "cancel": cancel,
        "write": write,
    }
    print(json.dumps({"engine": options.child, "parallel": served.engine.parallel}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(jobs[order.pop("do")](served, **order)), flush=True)
    os._exit(0)


def compare(options: argparse.Namespace) -> list[Row]:
    texts = passages(options.handbook)
    rows: list[Row] = []
    for count in options.askers:
        engines = [Child(name, options, count) for name in options.engines]
        for n in range(options.rounds):
            markers = [f"{'ABCDEFGH'[i % 8]}{n}{i}{7 * i + 3}" for i in range(count)]
            said = [prompt(next(texts), marker) for marker in markers]
            order = {"do": "askers", "said": said, "markers": markers}
            found = [(each, each(**order, in_turn=each.name == "in turn")) for each in engines]
            known = found[0][1]["texts"]
            for each, row in found:
                same = sum(a == b for a, b in zip(row.pop("texts"), known, strict=True))
                rows.append({"engine": each.name, "askers": count, **row, "as first": same})
                print(json.dumps(_rounded(rows[-1])), flush=True)
        for each in engines:
            each.end()
    return rows


def lookup(options: argparse.Namespace) -> None:
    """The same answers with guesses and without, in turn."""
    engines = [Child(name, options, 1) for name in ("batched", "unguessed")]
    prompts = quoting(options.questions, options.handbook.parent)
    totals = {each.name: [0.0, 0.0] for each in engines}
    for said in itertools.islice(prompts, options.quotes):
        found = [(each, each(do="write", said=said, tokens=ANSWER_TOKENS)) for each in engines]
        for each, row in found:
            totals[each.name][0] += row["cpu"]
            totals[each.name][1] += row["wall"]
        (_, one), (_, other) = found
        told = {key: one[key] for key in ("written", "guessed", "kept", "cpu", "wall")}
        told |= {"cpu without": other["cpu"], "wall without": other["wall"]}
        told |= {"same": one["text"] == other["text"], "text": one["text"]}
        print(json.dumps(_rounded(told)), flush=True)
    (cpu, wall), (plain_cpu, plain_wall) = totals.values()
    ratios = {"cpu, without / with": plain_cpu / cpu, "wall, without / with": plain_wall / wall}
    print(json.dumps(_rounded(ratios)), flush=True)
    for each in engines:
        each.end()


def others(options: argparse.Namespace) -> None:
    texts = passages(options.handbook)
    for name in options.engines:
        one = Child(name, options, 4)
        first, second, *more = [next(texts) for _ in range(6)]
        said = [prompt(first, "A1"), prompt(second, "B2"), prompt(second, "C3", " And who?")]
        said += [prompt(each, f"D{n}") for n, each in enumerate(more)]
        print(json.dumps({"engine": name, **_rounded(one(do="follow", said=said))}), flush=True)
        if name == "batched":
            left = [prompt(next(texts), "A1") for _ in range(options.cancels)]
            print(json.dumps({"engine": name, **_rounded(one(do="cancel", said=left))}), flush=True)
        one.end()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rounded(row: Row) -> Row:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", choices=ENGINES)
    parser.add_argument("--handbook", type=Path)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES[:3]))
    parser.add_argument("--askers", nargs="*", type=int, default=list(ASKERS))
    parser.add_argument("--questions", type=Path, help="golden questions, for --quotes")
    parser.add_argument("--quotes", type=int, default=0, help="answers with and without lookup")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cancels", type=int, default=10)
    options = parser.parse_args()
    if options.child:
        return child(options)
    compare(options)
    if options.quotes:
        lookup(options)
    return others(options) if options.cancels else None


if __name__ == "__main__":
    main()
