"""The pieces of a passage that have vectors of their own. Pure."""


def pieces(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of `text` that are embedded beside all of it. None for now."""
    return ()
