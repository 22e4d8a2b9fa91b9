"""What the models process counts. Numbers alone: no text, no name of a person or a document."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inference.generations import GenerationQueue, Timing
from inference.protocol import Usage

#: From this share of its tokens on a prompt counts as one that was there already.
_HIT = 0.5


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.generations = Counter(
            "sovereign_generations",
            "Generations by how they ended",
            ["end"],
            registry=self.registry,
        )
        self.tokens = Counter(
            "sovereign_tokens", "Tokens read, reused, written", ["kind"], registry=self.registry
        )
        self.first_text = Histogram(
            "sovereign_first_text_seconds",
            "From the start of a generation to its first text",
            buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.embedded = Counter(
            "sovereign_embedded_texts", "Texts embedded", ["kind"], registry=self.registry
        )
        self.rerankings = Counter(
            "sovereign_rerankings",
            "Questions whose passages a reranker was to read, by how that ended",
            ["end"],
            registry=self.registry,
        )
        self.queue = self._gauge("generation_queue", "Generations that wait or run")
        self.running = self._gauge("generations_running", "Generations that run")
        self.seats = self._gauge("generation_seats", "Generations that can run at once")
        self.prompts = Counter(
            "sovereign_prompts",
            "Prompts by how much of them was there already: hit (half and more), part, miss",
            ["cache"],
            registry=self.registry,
        )
        self.guesses = Counter(
            "sovereign_guessed_tokens",
            "Tokens that were guessed from the prompt, by what became of them: kept, dropped",
            ["end"],
            registry=self.registry,
        )

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(f"sovereign_{name}", says, registry=self.registry)

    def look(self, queue: GenerationQueue | None) -> None:
        """Take the gauges' values from the queue; none while the model loads."""
        if queue:
            self.queue.set(queue.length())
            self.running.set(queue.running())
            self.seats.set(queue.seats)

    def generated(self, timing: Timing) -> None:
        usage = timing.usage
        self.first_text.observe(timing.first)
        self.prompts.labels(_cache(usage)).inc()
        self.tokens.labels("read").inc(max(usage.prompt - usage.cached, 0))
        self.tokens.labels("reused").inc(usage.cached)
        self.tokens.labels("written").inc(usage.completion)
        self.guesses.labels("kept").inc(usage.kept)
        self.guesses.labels("dropped").inc(usage.guessed - usage.kept)

    def text(self) -> bytes:
        return generate_latest(self.registry)


def _cache(usage: Usage) -> str:
    if not usage.cached:
        return "miss"
    return "hit" if usage.cached >= _HIT * usage.prompt else "part"
