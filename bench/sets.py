"""The public sets as documents and questions. Nothing of them is part of the project."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.ranking import Span


@dataclass(frozen=True, slots=True)
class Text:
    """One document of a set."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what is right: documents and their gains, or characters."""

    key: str
    text: str
    gains: Mapping[str, float] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    name: str
    language: str
    texts: list[Text]
    questions: list[Asked]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def scifact(data: Path) -> Set:
    """BEIR SciFact: claims and the abstracts that speak of them."""
    folder = data / "retrieval" / "scifact"
    gains: dict[str, dict[str, float]] = {}
    for row in lines(folder / "qrels.jsonl"):
        gains.setdefault(row["query_id"], {})[row["corpus_id"]] = float(row["score"])
    return Set(
        "scifact",
        "en",
        [Text(row["_id"], row["title"], row["text"]) for row in lines(folder / "corpus.jsonl")],
        [
            Asked(row["_id"], row["text"], gains[row["_id"]])
            for row in lines(folder / "queries.jsonl")
            if row["_id"] in gains
        ],
    )


def _passages(name: str, stem: str, language: str, data: Path) -> Set:
    folder = data / "qa"
    texts = [
        Text(row["_id"], row["title"], row["text"])
        for row in lines(folder / f"{stem}.passages.jsonl")
    ]
    questions = [
        Asked(row["_id"], row["question"], {row["passage"]: 1.0})
        for row in lines(folder / f"{stem}.questions.jsonl")
        if row["answerable"]
    ]
    return Set(name, language, texts, questions)


def jaquad(data: Path) -> Set:
    return _passages("JaQuAD", "jaquad-ja", "ja", data)


def cmrc(data: Path) -> Set:
    return _passages("CMRC 2018", "cmrc2018-trial-zh", "zh", data)


def clapnq(data: Path) -> Set:
    """English, in the form of the Japanese and Chinese sets: all passages, the answerable questions."""
    texts: dict[str, Text] = {}
    questions = []
    for row in lines(data / "qa" / "clapnq-dev.jsonl"):
        for passage in row["passages"]:
            texts.setdefault(
                passage["text"], Text(f"en-{len(texts):04d}", passage["title"], passage["text"])
            )
        if row["answerable"]:
            right = {texts[passage["text"]].key: 1.0 for passage in row["passages"]}
            questions.append(Asked(row["id"], row["question"], right))
    return Set("CLAPnQ", "en", list(texts.values()), questions)


def contractnli(data: Path) -> Set:
    """LegalBench-RAG, ContractNLI: agreements and the characters that answer."""
    folder = data / "retrieval" / "legalbench-rag"
    files = sorted((folder / "corpus" / "contractnli").iterdir())
    texts = [
        Text(f"contractnli/{file.name}", file.stem, _exact(file))
        for file in files
        if file.suffix == ".txt"
    ]
    questions = [
        Asked(
            row["_id"],
            row["query"],
            spans=tuple(Span(s["file"], s["start"], s["end"]) for s in row["snippets"]),
        )
        for row in lines(folder / "contractnli.jsonl")
    ]
    return Set("contractnli", "en", texts, questions)


def _exact(file: Path) -> str:
    """With the line ends of the file: its spans count them."""
    return file.read_bytes().decode("utf-8")


def aligned(original: str, parsed: str) -> list[int]:
    """For each offset into `original`, and its end, the offset into `parsed` of the same character.

    A parser changes white space, drops signs (lines below headings) and writes "-" for other bullets.
    Raises ValueError where it changed more.
    """
    places: list[int] = []
    at = 0
    for letter in original:
        while at < len(parsed) and parsed[at].isspace() and not letter.isspace():
            at += 1
        places.append(at)
        if at < len(parsed) and not letter.isspace() and _same(letter, parsed[at]):
            at += 1
    if parsed[at:].strip():
        raise ValueError(f"the texts part at {at} of {len(parsed)}")
    return [*places, at]


def _same(letter: str, read: str) -> bool:
    return letter == read or (read == "-" and not letter.isalnum())


SETS: Mapping[str, Callable[[Path], Set]] = {
    "scifact": scifact,
    "clapnq": clapnq,
    "jaquad": jaquad,
    "cmrc": cmrc,
    "contractnli": contractnli,
}
