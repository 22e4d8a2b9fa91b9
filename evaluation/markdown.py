"""A run, and a comparison of two, as Markdown for people who read it elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.compare import Comparison
from evaluation.models import Run

#: Questions won and lost that are listed.
MOST_LISTED = 100


def run_as_markdown(run: Run, scores: Mapping[str, Any]) -> str:
    """Scores by group with their 95% intervals, what was left out, and what made them."""
    everything = scores["all"]
    names = list(everything["scores"])
    rows = [
        [
            group,
            counted["n"],
            *(_share(counted["scores"].get(name)) for name in names),
            *_ms(counted),
        ]
        for group, counted in scores.items()
    ]
    left_out = {name: everything[name] for name in ("no-document", "unscored", "failed")}
    told = ", ".join(f"{name} {count}" for name, count in left_out.items() if count)
    return "\n\n".join(
        [
            f"# {_cell(run.set.name)}: {run.get_kind_display()} {_cell(run.label)}".rstrip(),
            f"{run.done} of {run.total} questions, {run.status}. Without scores: {told or 'none'}.",
            table(["group", "n", *names, "p50 ms", "p95 ms"], rows),
            "Shares with their 95% intervals (Wilson); n of a score where it is not that of its group.",
            table(["made with", ""], [[name, value] for name, value in run.config.items()]),
        ]
    )


def comparison_as_markdown(found: Comparison) -> str:
    """Which scores changed, whether chance would do that, and which questions were won and lost."""
    scores = [
        [d.name, _percent(d.a), _percent(d.b), f"{d.difference:+.3f}", d.n, d.won, d.lost, d.p]
        for d in found.scores
    ]
    questions = [
        [pair.key, pair.question[:120], ", ".join(pair.won), ", ".join(pair.lost)]
        for pair in found.questions[:MOST_LISTED]
    ]
    changes = [[change.name, change.a, change.b] for change in found.config]
    left_out = f"{found.only_a} and {found.only_b} that one run alone has, {found.changed} edited"
    parts = [
        f"# {_cell(str(found.b))} against {_cell(str(found.a))}",
        f"Questions left out: {left_out}.",
        table(["score", "before", "after", "difference", "n", "won", "lost", "p"], scores),
        "p: McNemar's exact test, two-sided; above 0.05, chance alone may have done it.",
        table(["changed", "before", "after"], changes) if changes else "Made with the same.",
        table(["question", "", "won", "lost"], questions) if questions else "",
    ]
    return "\n\n".join(part for part in parts if part)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    """On one line, without what Markdown would take for its own: questions are anybody's words."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    plain = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "|\\`*_[]<>" else letter for letter in plain)


def _share(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    low, high = _percent(score["low"]), _percent(score["high"])
    return f"{_percent(score['share'])} ({low} to {high}, n {score['n']})"


def _ms(counted: Mapping[str, Any]) -> list[object]:
    times = counted["ms"]
    return ["" if times[name] is None else times[name] for name in ("p50", "p95")]


def _percent(share: float) -> str:
    return f"{share:.2f}"
