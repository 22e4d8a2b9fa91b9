"""What this room keeps in memory of passages and names, and lets go of after an erasure."""

from uuid import UUID

from chat import conflicts_lines, facts, polarity, spans, versions
from chat.facts import spelled
from ingest.forgetting import remembered

CACHES = (
    conflicts_lines.lines,
    facts.facts,
    facts.holding,
    polarity.said,
    spans.words_of,
    spelled.stems,
    versions._named,
    versions._runs,
)


def forget(_collections: frozenset[UUID]) -> None:
    for cache in CACHES:
        cache.cache_clear()


remembered(forget)
