"""Many generations step by step over one context: reading in slices, in turn with writing.

A step writes a token for each generation that writes, perhaps with guesses at those behind it
(lookup.py), then reads a slice of the prompts. Two batches, not one: the kernel for attention takes 64
rows at once and skips what none of them may see, so rows of many sequences together cost as much as
each of them reading all. While prompts are read, writing waits for company: eight tokens in one step
cost a third of eight steps. Used by one thread; `give` is called in it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.llama import Context, NoRoom, Row, Sampler, Weights
from inference.lookup import MOST_ROWS, Lookup, Pace
from inference.protocol import Piece, Sampling, Usage
from inference.seats import Seat, Seats
from inference.text import TextFilter

#: Seconds that generations which write wait for those whose prompts are still read.
PATIENCE = 2.0


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
    lookup: Lookup | None = field(default=None, repr=False)
    guessed: int = 0
    kept: int = 0

    @property
    def left(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return len(self.prompt) - len(self.seat.held) if self.seat else len(self.prompt)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a generation puts into a step: a slice of its prompt, or a token and guesses behind it."""

    job: Job
    tokens: list[int]
    #: Whether a token is drawn: behind each of a writer's, behind the last of a prompt.
    drawn: bool

    @property
    def writes(self) -> bool:
        return self.job.token >= 0


class Batcher:
    """`slice_tokens`: how much of prompts is read in a step. `guesses`: whether they are looked up.

    `patience`: seconds from one token of a text to its next at the most, while prompts are read.
    """

    def __init__(
        self,
        weights: Weights,
        context: Context,
        seats: Seats,
        *,
        slice_tokens: int,
        guesses: bool = True,
        patience: float = PATIENCE,
    ) -> None:
        self._weights, self._context, self._seats = weights, context, seats
        self._slice = slice_tokens
        self._steps = 0
        self._patience, self._wrote = patience, 0.0
        # What cannot be cut cannot be guessed at.
        self._pace = Pace() if guesses and weights.divisible else None
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def add(self, job: Job) -> None:
        self._waiting.append(job)

    def step(self) -> None:
        """Write, then read. Raises RuntimeError where llama.cpp fails; `fail` clears up after it."""
        self._drop()
        self._seat()
        self._steps += 1
        writes = self._writes() if self._due() else []
        if writes:
            self._write(writes)
        if reads := self._reads():
            self._run(reads)
        elif not writes and self._waiting:
            raise RuntimeError("nothing can go on")
        wrote = {turn.job for turn in writes}
        for job in (*self._waiting, *self._running):
            # So that whoever reads the pieces comes up for air, and can leave.
            if job not in wrote:
                job.give(Piece())

    def _due(self) -> bool:
        """Whether writing comes now: nobody reads whose company would be worth waiting for."""
        reading = any(job.token < 0 and job.left for job in self._running)
        return not reading or time.monotonic() - self._wrote >= self._patience

    def _write(self, writes: list[_Turn]) -> None:
        started = time.monotonic()
        rows = self._run(writes)
        self._wrote = time.monotonic()
        if self._pace:
            self._pace.took(rows, self._wrote - started)

    def _run(self, turns: list[_Turn]) -> int:
        """Evaluate one batch, and take what came of it. How many rows it had."""
        rows = [row for turn in turns for row in _rows(turn)]
        self._decode(rows)
        at = 0
        for turn in turns:
            self._take(turn, at)
            at += len(turn.tokens)
        return len(rows)

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

    def _writes(self) -> list[_Turn]:
        writers = [job for job in self._running if job.token >= 0]
        guesses = self._guesses(writers)
        return [_Turn(job, [job.token, *guesses[n]], drawn=True) for n, job in enumerate(writers)]

    def _reads(self) -> list[_Turn]:
        """A slice of the prompt that is read soonest and of the one that waits longest, in turn."""
        readers = [job for job in self._running if job.token < 0 and job.left]
        if self._steps % 2:
            readers.sort(key=lambda job: job.left)
        turns, budget = [], self._slice
        for job in readers:
            at, count = len(job.prompt) - job.left, min(job.left, budget)
            if count:
                turns.append(_Turn(job, job.prompt[at : at + count], drawn=count == job.left))
            budget -= count
        return turns

    def _guesses(self, writers: list[Job]) -> list[list[int]]:
        """For each writer; none where nothing is known, or it would not pay."""
        if not self._pace or not writers:
            return [[] for _ in writers]
        found = []
        for job in writers:
            job.lookup = job.lookup or Lookup([*job.prompt, job.token])
            found.append(job.lookup.guess(min(MOST_ROWS, job.most - job.written - 1)))
        chances = [job.lookup.chance if job.lookup else 0.0 for job in writers]
        shares = self._pace.shares(chances, [len(guess) for guess in found])
        return [guess[:share] for guess, share in zip(found, shares, strict=True)]

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

    def _take(self, turn: _Turn, at: int) -> None:
        """What came of TURN, whose rows begin at AT of the batch."""
        job, guesses = turn.job, turn.tokens[1:]
        assert job.seat is not None  # noqa: S101 - it runs
        if not turn.writes:
            job.seat.held += turn.tokens
            if turn.drawn and not self._draw(job, at + len(turn.tokens) - 1):
                self._finish(job)
            return
        kept, goes_on = 0, self._draw(job, at)
        while goes_on and kept < len(guesses) and job.token == guesses[kept]:
            kept += 1
            goes_on = self._draw(job, at + kept)
        job.seat.held += turn.tokens[: kept + 1]
        if kept < len(guesses):
            self._context.cut(job.seat.number, len(job.seat.held))
        if guesses and job.lookup:
            job.lookup.learn(len(guesses), kept)
            job.guessed, job.kept = job.guessed + len(guesses), job.kept + kept
        if not goes_on:
            self._finish(job)

    def _draw(self, job: Job, at: int) -> bool:
        """Give what is drawn behind a row. False: that was the last."""
        assert job.sampler is not None  # noqa: S101 - it runs
        token = job.sampler.draw(self._context.pointer, at)
        if self._weights.ends(token):
            return False
        job.written += 1
        if job.written == 1 and job.sampling.top_logprobs:
            job.give(Piece(top=self._top(at, job.sampling.top_logprobs)))
        job.give(Piece(job.text.feed(self._weights.piece(token))))
        job.token = token
        if job.lookup:
            job.lookup.feed(token)
        return not job.text.stopped and job.written < job.most

    def _top(self, at: int, count: int) -> tuple[tuple[str, float], ...]:
        return tuple(
            (self._weights.piece(token).decode(errors="replace"), value)
            for token, value in self._context.likeliest(at, count)
        )

    def _finish(self, job: Job) -> None:
        rest = job.text.flush()
        ended = job.written < job.most or job.text.stopped
        usage = Usage(len(job.prompt), job.cached, job.written, job.guessed, job.kept)
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


def _rows(turn: _Turn) -> list[Row]:
    seat = turn.job.seat
    assert seat is not None  # noqa: S101 - it runs
    last = len(turn.tokens) - 1
    return [
        Row(token, len(seat.held) + n, seat.number, turn.drawn and (turn.writes or n == last))
        for n, token in enumerate(turn.tokens)
    ]
