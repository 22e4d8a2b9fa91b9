"""Many generations step by step over one context: reading in slices, mixed with writing.

Each step evaluates one batch: a token for each generation that writes, perhaps with guesses at those
behind it (lookup.py), and slices of the prompts that are still read. Used by one thread; `give` is
called in it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from inference.llama import Context, NoRoom, Row, Sampler, Weights
from inference.lookup import MOST_ROWS, Lookup, Pace
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
    """`alone` and `beside`: tokens in a step while one alone is read or many are, and while somebody
    writes beside one that is read. `guesses`: whether prompts are looked up."""

    def __init__(
        self,
        weights: Weights,
        context: Context,
        seats: Seats,
        *,
        alone: int,
        beside: int,
        guesses: bool = True,
    ) -> None:
        self._weights, self._context, self._seats = weights, context, seats
        self._alone, self._beside = alone, beside
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
        """One batch. Raises RuntimeError where llama.cpp fails; `fail` clears up after it."""
        self._drop()
        self._seat()
        turns = self._turns()
        if not turns:
            if self._waiting:
                raise RuntimeError("nothing can go on")
            return
        started = time.monotonic()
        rows = [row for turn in turns for row in _rows(turn)]
        self._decode(rows)
        at = 0
        for turn in turns:
            self._take(turn, at)
            at += len(turn.tokens)
        if self._pace and all(turn.writes for turn in turns):
            self._pace.took(len(rows), time.monotonic() - started)
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

    def _turns(self) -> list[_Turn]:
        writers = [job for job in self._running if job.token >= 0]
        readers = [job for job in self._running if job.token < 0]
        guesses = self._guesses(writers, beside=bool(readers))
        turns = [_Turn(job, [job.token, *guesses[n]], drawn=True) for n, job in enumerate(writers)]
        # Large steps read faster; where one alone is read, those who write do not wait for so long.
        budget = self._beside if writers and len(readers) == 1 else self._alone
        budget = max(budget // 2, budget - sum(len(turn.tokens) for turn in turns))
        for job, count in _shares(readers, budget):
            at = len(job.seat.held) if job.seat else 0
            turns.append(_Turn(job, job.prompt[at : at + count], drawn=count == job.left))
        return turns

    def _guesses(self, writers: list[Job], *, beside: bool) -> list[list[int]]:
        """For each writer; none where nothing is known, or it would not pay."""
        if not self._pace or not writers or beside:
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


def _shares(readers: list[Job], budget: int) -> Iterator[tuple[Job, int]]:
    """How many tokens of each prompt are read: half for what is read soonest, the rest in turn."""
    shares = {id(job): 0 for job in readers}
    soonest = sorted(readers, key=lambda job: job.left)[:1]
    for job, most in [
        *((job, budget // 2) for job in soonest),
        *((job, budget) for job in readers),
    ]:
        count = min(job.left - shares[id(job)], most, budget)
        shares[id(job)] += count
        budget -= count
    return ((job, shares[id(job)]) for job in readers if shares[id(job)])


def _rows(turn: _Turn) -> list[Row]:
    seat = turn.job.seat
    assert seat is not None  # noqa: S101 - it runs
    last = len(turn.tokens) - 1
    return [
        Row(token, len(seat.held) + n, seat.number, turn.drawn and (turn.writes or n == last))
        for n, token in enumerate(turn.tokens)
    ]
