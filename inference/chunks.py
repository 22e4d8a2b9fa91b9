"""Chunks of a chat completion that a stranger streams: have they the form that we read? Pure."""

from typing import Any

MOST_TOKENS = 10_000_000


def says_something(chunk: dict[str, Any]) -> bool:
    """Whether a token, or what it would have been, is in CHUNK. Empty deltas open a stream only."""
    for choice in chunk.get("choices") or []:
        if (choice.get("delta") or {}).get("content") or choice.get("logprobs"):
            return True
    return False


def well_formed(chunk: dict[str, Any]) -> bool:
    """Whether client.read_pieces can read it."""
    choices = chunk.get("choices") or []
    return (
        isinstance(choices, list)
        and all(_is_choice(choice) for choice in choices)
        and _is_usage(chunk.get("usage"))
    )


def _is_choice(choice: Any) -> bool:
    if not isinstance(choice, dict) or not isinstance(choice.get("delta") or {}, dict):
        return False
    logprobs = choice.get("logprobs") or {}
    if not isinstance(logprobs, dict) or not isinstance(logprobs.get("content") or [], list):
        return False
    return all(_is_listed(place) for place in logprobs.get("content") or [])


def _is_usage(usage: Any) -> bool:
    if usage is None:
        return True
    details = usage.get("prompt_tokens_details") or {} if isinstance(usage, dict) else None
    if not isinstance(details, dict):
        return False
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    counts.append(details.get("cached_tokens"))
    return all(count is None or _is_count(count) for count in counts)


def _is_count(count: Any) -> bool:
    """Of tokens: what one answer cannot have taken would spoil the sums of a month."""
    return isinstance(count, int) and 0 <= count < MOST_TOKENS


def _is_listed(place: Any) -> bool:
    if not isinstance(place, dict) or not isinstance(place.get("top_logprobs") or [], list):
        return False
    return all(
        isinstance(each, dict) and isinstance(each.get("logprob", 0.0), int | float)
        for each in place.get("top_logprobs") or []
    )
