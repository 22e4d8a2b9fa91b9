"""Many generations step by step over one context: reading in slices, mixed with writing.

Each step evaluates one batch: a token for each generation that writes, and slices of the prompts that
are still read. Used by one thread; `give` is called in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from inference.llama import Context, NoRoom, Row, Sampler, Weights
from inference.protocol import Piece, Sampling, Usage
from inference.seats import Seat, Seats
from inference.text import TextFilter


@dataclass(eq=False, slots=True)
class Job:
    """A generation. `most`: tokens that it may write. `cancelled` may be set by any thread."""

    prompt: list[int]
    sampling: Sampling
    most: int
    text: TextFilter
    give: Callable[[Piece | Exception], None]
    cancelled: bool = False
    seat: Seat | None = None
    cached: int = 0
    written: int = 0
    #: Drawn, and not in the context yet; -1 while the prompt is read.
    token: int = -1
    sampler: Sampler | None = field(default=None, repr=False)

    @property
    def left(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return len(self.prompt) - len(self.seat.held) if self.seat else len(self.prompt)


class Batcher:
    """`alone` and `beside`: prompt tokens in a step while nobody writes, and while somebody does."""

    def __init__(
        self, weights: Weights, context: Context, seats: Seats, *, alone: int, beside: int
    ) -> None:
        self._weights, self._context, self._seats = weights, context, seats
        self._alone, self._beside = alone, beside
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def add(self, job: Job) -> None:
        self._waiting.append(job)

    def step(self) -> None:
        """One batch. Raises RuntimeError where llama.cpp fails; `fail` clears up after it."""
        self._drop()
        self._seat()
        rows: list[Row] = []
        drawers: list[tuple[Job, int]] = []
        for job, count in self._shares():
            rows += self._rows(job, count)
            if job.token >= 0 or count == job.left:
                drawers.append((job, len(rows) - 1))
        if not rows:
            if self._waiting:
                raise RuntimeError("nothing can go on")
            return
        self._decode(rows)
        for row in rows:
            self._seats.all[row.sequence].held.append(row.token)
        for job, at in drawers:
            self._draw(job, at)
        for job in (*self._waiting, *self._running):
            # So that whoever reads the pieces comes up for air, and can leave.
            if job.token < 0:
                job.give(Piece())

    def fail(self, error: Exception) -> None:
        """End all generations with ERROR, and forget what the context holds."""
        for job in [*self._waiting, *self._running]:
            job.give(error)
            self._end(job)
        for seat in self._seats.all:
            self._context.cut(seat.number, 0)
            seat.held = []

    def _drop(self) -> None:
        for job in [*self._waiting, *self._running]:
            if job.cancelled:
                job.give(Piece("", "cancelled"))
                self._end(job)

    def _seat(self) -> None:
        """In the order of arrival; one that waits for room holds up those behind it."""
        for job in list(self._waiting):
            placed = self._seats.place(job.prompt, job.most)
            if placed is None and not self._seats.fits(len(job.prompt) + job.most):
                return
            if placed is None:
                continue
            seat, shared = placed.seat, placed.shared
            kept = self._context.cut(seat.number, shared if seat is placed.source else 0)
            if seat is placed.source:
                shared = shared if kept else 0
            elif shared:
                self._context.share(placed.source.number, seat.number, shared)
            for each in placed.evicted:
                self._context.cut(each.number, 0)
            self._seats.sit(placed, job.prompt, job.most)
            del seat.held[shared:]
            job.seat, job.cached, job.sampler = seat, shared, Sampler(job.sampling)
            self._waiting.remove(job)
            self._running.append(job)

    def _shares(self) -> list[tuple[Job, int]]:
        """How many tokens each generation puts into this step."""
        writers = [job for job in self._running if job.token >= 0]
        readers = [job for job in self._running if job.token < 0]
        budget = self._beside if writers else self._alone
        shares = {id(job): 0 for job in readers}
        # Half for what is read soonest, the rest for what waits longest.
        soonest = sorted(readers, key=lambda job: job.left)[:1]
        for job, most in [
            *((job, budget // 2) for job in soonest),
            *((job, budget) for job in readers),
        ]:
            count = min(job.left - shares[id(job)], most, budget)
            shares[id(job)] += count
            budget -= count
        read = [(job, shares[id(job)]) for job in readers if shares[id(job)]]
        return [(job, 1) for job in writers] + read

    def _rows(self, job: Job, count: int) -> list[Row]:
        assert job.seat is not None  # noqa: S101 - it runs
        at, number = len(job.seat.held), job.seat.number
        if job.token >= 0:
            return [Row(job.token, at, number, drawn=True)]
        last = len(job.prompt) - 1
        return [Row(job.prompt[n], n, number, drawn=n == last) for n in range(at, at + count)]

    def _decode(self, rows: list[Row]) -> None:
        while True:
            try:
                return self._context.decode(rows)
            except NoRoom:
                seat = self._seats.oldest()
                if seat is None:
                    raise RuntimeError("no room for a batch") from None
                self._context.cut(seat.number, 0)
                seat.held = []

    def _draw(self, job: Job, at: int) -> None:
        assert job.sampler is not None  # noqa: S101 - it runs
        token = job.sampler.draw(self._context.pointer, at)
        if self._weights.ends(token):
            return self._finish(job)
        job.written += 1
        if job.written == 1 and job.sampling.top_logprobs:
            job.give(Piece(top=self._top(at, job.sampling.top_logprobs)))
        job.give(Piece(job.text.feed(self._weights.piece(token))))
        if job.text.stopped or job.written >= job.most:
            return self._finish(job)
        job.token = token
        return None

    def _top(self, at: int, count: int) -> tuple[tuple[str, float], ...]:
        return tuple(
            (self._weights.piece(token).decode(errors="replace"), value)
            for token, value in self._context.likeliest(at, count)
        )

    def _finish(self, job: Job) -> None:
        rest = job.text.flush()
        ended = job.written < job.most or job.text.stopped
        usage = Usage(prompt=len(job.prompt), cached=job.cached, completion=job.written)
        self._end(job)
        job.give(Piece(rest, "stop" if ended else "length", usage))

    def _end(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            return
        self._running.remove(job)
        if job.seat:
            self._seats.leave(job.seat)
        if job.sampler:
            job.sampler.close()
