"""Where sentences end, and the marks in them. Pure."""

import re

#: `[1]`, `[1, 2]`, `[passage 3]`: what the model names.
MARK = re.compile(r"\[\s*(?:passages?\s*)?(\d{1,3}(?:\s*[,;&]\s*\d{1,3})*)\s*\]", re.IGNORECASE)
TERMINATOR = re.compile(r"[.!?…][\"'»”’)\]]*$")
ABBREVIATION = re.compile(
    r"(?:^|\s|\()(?:e\.g|i\.e|etc|vs|cf|no|nos|nr|mr|mrs|ms|dr|st|art|sec|approx|incl|max|min|bzw|z\.\s?b"
    r"|d\.\s?h|u\.\s?a|ca|ggf|usw|abs|p\.\s?ex|env|ej|pág|p\.\s?o|u\.\s?s|[A-Z]|\d{1,2})\.$",
    re.IGNORECASE,
)
CJK_END = "。！？"
#: Letters before a place that decide whether a sentence ends there: longer than any abbreviation.
TAIL = 40
_END = re.compile(r"\n+|(?<=[.!?…])[\"'»”’)]*\s+|(?<=[。！？])")


def sentences(text: str) -> list[tuple[int, int]]:
    """Sentence and line spans of a text, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if "\n" in match.group() or text[match.start() - 1 : match.start()] in CJK_END:
            ends = True
        else:
            ends = not ABBREVIATION.search(text, max(start, match.start() - TAIL), match.start())
        if ends:
            spans.append((start, match.start()))
            start = match.end()
    spans.append((start, len(text)))
    return [(a, b) for a, b in spans if text[a:b].strip()]
