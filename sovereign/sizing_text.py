"""A sizing report as lines for a terminal."""

from collections.abc import Iterator, Sequence

from sovereign import sizing
from sovereign.sizing_report import ANSWER_TOKENS, BOUGHT_TOKENS, Report, Sized, flops

_GB = 1e9


def lines(report: Report) -> Iterator[str]:
    yield from _machine(report)
    for model in report.models:
        yield ""
        yield from _model(model, report)
    yield ""
    yield from _advice(report)
    yield ""
    yield from _bought(report)
    yield ""
    yield from _assumed(report)


def _machine(report: Report) -> Iterator[str]:
    about = report.hardware
    limit = "no quota" if about.quota is None else f"a quota of {about.quota:g}"
    yield "This machine"
    yield f"  cores       {about.cores} ({about.affinity} by affinity, {limit})"
    yield f"  memory      {about.memory / _GB:.1f} GB free, {about.bandwidth / _GB:.1f} GB/s copied"
    yield f"  disk        {about.disk / _GB:.0f} GB free"
    yield f"  documents   {report.passages:.1f} passages a second while nobody asks"
    if about.load > 1:
        yield (
            f"  Other programs keep it busy ({about.load:.1f} of them for each core): it looks slower "
            "than it is. Measure again when it is quiet."
        )


def _model(model: Sized, report: Report) -> Iterator[str]:
    if model.code:
        yield f"{model.name}: not measured ({model.code})"
        return
    yield f"{model.name}, {model.context} tokens of context"
    yield from _table(
        ["answers at once", "reads tokens/s", "writes tokens/s"],
        [[f"{r.sequences}", f"{r.prompt:.1f}", f"{r.completion:.1f}"] for r in model.rates],
    )
    yield (
        f"  a question reads {model.work.prompt} tokens: "
        f"its first word after {model.alone:.1f} s where nobody else asks"
    )
    rows = [
        [f"{seconds:g} s", f"{people}", f"{dict(model.least)[seconds]}"]
        for seconds, people in model.people
    ]
    yield from _table(["first word within", "people", "with the fewest passages"], rows)
    if model.fits:
        yield f"  half of the free memory holds {model.fits} more tokens of context"


def _advice(report: Report) -> Iterator[str]:
    best, within = report.best, 2 * report.seconds
    if best is None:
        yield f"No model here has its first word within {within:g} s: what follows says what would."
        return
    people = dict(best.people)[within]
    yield f"Take {best.name}: {people} people, first word within {within:g} s for nine of ten."
    if not best.weights.parameters:
        return
    need, here = report.need(best), report.hardware.bandwidth
    yield (
        f"For {report.wanted} people it takes {need.flops / 1e12:.2f} TFLOP/s and "
        f"{need.bandwidth / _GB:.0f} GB/s by the data sheet; "
        f"this machine reads like {flops(best) / 1e12:.2f} TFLOP/s and copies {here / _GB:.0f} GB/s."
    )


def _bought(report: Report) -> Iterator[str]:
    yield f"What more would bring: people, first word within {2 * report.seconds:g} s (estimates)"
    header = ["", *(model.name for model in sizing.MODELS)]
    rows = [
        [name, *("-" if people is None else str(people) for people in row)]
        for name, row in report.bought
    ]
    yield from _table(header, rows)


def _assumed(report: Report) -> Iterator[str]:
    use = report.use
    yield (
        f"Assumed: {use.questions:g} questions a person and hour, {use.peak:g} times as many in the "
        f"busiest one; {ANSWER_TOKENS} tokens an answer; a machine at most {sizing.MOST_BUSY:.0%} busy."
    )
    yield (
        f"Estimates take {sizing.BANDWIDTH_SHARE:.0%} of a data sheet's memory bandwidth and "
        f"{sizing.FLOPS_SHARE:.0%} of its arithmetic, models of 4 to 5 bits a weight, 16 answers at once, "
        f"{BOUGHT_TOKENS:,} tokens a question at most."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    for row in [header, *rows]:
        first, *others = zip(row, widths, strict=True)
        cells = [f"{first[0]:<{first[1]}}", *(f"{text:>{width}}" for text, width in others)]
        yield "  " + "  ".join(cells).rstrip()
