"""The events of an answer: the contract with browser and API, written as server-sent events."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from chat.versions import By
from chat.weigh import Signals, Support

Ended = Literal["complete", "stopped", "abstained"]
ASSISTANT = ("assistant", "assistant_version")


@dataclass(frozen=True, slots=True)
class Event:
    name: ClassVar[str] = ""

    def data(self) -> dict[str, Any]:
        return asdict(self)

    def sse(self) -> str:
        """The event on the wire: JSON escapes line breaks, so `data:` is always one line."""
        body = json.dumps(self.data(), ensure_ascii=False, separators=(",", ":"))
        return f"event: {self.name}\ndata: {body}\n\n"


@dataclass(frozen=True, slots=True)
class Started(Event):
    name: ClassVar[str] = "started"
    answer: str
    conversation: str
    model: str
    queue: int = 0
    #: For the record, not for the reader: the SHA-256 of the model's file.
    sha256: str = ""
    #: What it was put to: an id, empty for one that is tried, and Assistant.version.
    assistant: str = ""
    assistant_version: str = ""

    def data(self) -> dict[str, Any]:
        unsent = {"sha256"} if self.assistant_version else {"sha256", *ASSISTANT}
        return {name: value for name, value in asdict(self).items() if name not in unsent}


@dataclass(frozen=True, slots=True)
class Condensed(Event):
    name: ClassVar[str] = "condensed"
    question: str


@dataclass(frozen=True, slots=True)
class PassageDocument:
    id: str
    name: str
    collection: str


@dataclass(frozen=True, slots=True)
class PassageData:
    n: int
    text: str
    heading: str
    page: int | None
    score: float
    chunk: str
    document: PassageDocument
    #: Where it stands, as a reader calls it: "page iv", "slide 3", "sheet Budget".
    page_label: str = ""


@dataclass(frozen=True, slots=True)
class Sources(Event):
    name: ClassVar[str] = "sources"
    passages: tuple[PassageData, ...]


@dataclass(frozen=True, slots=True)
class QuoteData:
    """Characters `quote` (start, end) of passage `n`, as they stand there."""

    n: int
    quote: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Instant(Event):
    """What the documents say nearest to the question, while the model still reads. Not kept."""

    name: ClassVar[str] = "instant"
    quotes: tuple[QuoteData, ...]


@dataclass(frozen=True, slots=True)
class LookedFirst(Event):
    """The documents that came first, because the question names them."""

    name: ClassVar[str] = "named"
    documents: tuple[PassageDocument, ...]


@dataclass(frozen=True, slots=True)
class Token(Event):
    name: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    """Nothing of what the model wrote stands in the documents. From here on: their own words, from the
    beginning of the text."""

    name: ClassVar[str] = "withdrawn"


@dataclass(frozen=True, slots=True)
class CitationEvent(Event):
    """`sentence` is a span of the answer so far, `quote` a span of passage `n`'s text."""

    name: ClassVar[str] = "citation"
    sentence: tuple[int, int]
    n: int
    quote: tuple[int, int]
    page: int | None
    support: Support


@dataclass(frozen=True, slots=True)
class Statement:
    """Characters `quote` (start, end) of passage `n`."""

    n: int
    quote: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ConflictEvent(Event):
    """What passage `n` says for a sentence, `other` says otherwise.

    `newer` is the number of the newer one of both, `by` what says so. `passage` is that of `other`
    where it was not among the sources: from here on it is one of them.
    """

    name: ClassVar[str] = "conflict"
    sentence: tuple[int, int]
    n: int
    quote: tuple[int, int]
    other: Statement
    newer: int | None = None
    by: By | None = None
    passage: PassageData | None = None

    def data(self) -> dict[str, Any]:
        told = asdict(self)
        return told if self.passage else {k: v for k, v in told.items() if k != "passage"}


@dataclass(frozen=True, slots=True)
class Done(Event):
    name: ClassVar[str] = "done"
    status: Ended
    tokens: dict[str, int] = field(default_factory=dict)
    ms: dict[str, int] = field(default_factory=dict)
    #: How sure it is that the documents say this, 0 to 1 (chat/weigh.py); None where nothing weighs it.
    confidence: float | None = None
    energy_wh: float | None = None
    #: How the watt-hours are known: "rapl", "nvml", "rapl+nvml", "setting".
    energy_by: str | None = None
    #: {currency, electricity, api: [{name, amount}]} for the same tokens.
    cost: dict[str, Any] | None = None
    #: For measurements, not for the reader: what the confidence comes from.
    signals: Signals | None = None

    def data(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "signals"}


@dataclass(frozen=True, slots=True)
class Failed(Event):
    name: ClassVar[str] = "failed"
    code: str
    detail: str
