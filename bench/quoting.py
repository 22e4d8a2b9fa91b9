"""Prompts whose answers quote their passages, from golden questions over text files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from chat.pack import Packed, line, messages, task

#: Words of a passage.
WORDS = 110


def quoting(questions: Path, folder: Path) -> Iterator[str]:
    """What the product says to the model: the right passage among three of the same file.

    `folder`: that the files of QUESTIONS are named in.
    """
    for row in map(json.loads, questions.read_text("utf-8").splitlines()):
        evidence = (row.get("evidence") or [{}])[0]
        file = folder / str(evidence.get("file"))
        if row["language"] != "en" or file.suffix != ".md" or not file.exists():
            continue
        words = re.sub(r"[^\w .,;:%()'$/-]+", " ", file.read_text("utf-8", "replace")).split()
        quote = re.sub(r"[^\w .,;:%()'$/-]+", " ", evidence["quote"]).split()[:5]
        at = next((n for n in range(len(words)) if words[n : n + len(quote)] == quote), -1)
        if at >= 0:
            starts = (max(0, at - WORDS // 3), at + WORDS, 0)
            texts = [" ".join(words[start : start + WORDS]) for start in starts]
            passages = [line(n, file.name, text) for n, text in enumerate(texts, 1) if text]
            packed = Packed(len(passages), "\n".join(passages), row["question"])
            yield messages(packed, task("en"))[1].content
