"""The shapes of the officers' API calls."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, Field

from accounts.schemas import Line
from audit.models import Entry, Seal
from audit.verify import Verdict
from compliance.signing import ReportFile
from compliance.state import Sentence

Format = Literal["jsonl", "csv", "cef"]
State = Literal["good", "attention", "bad"]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Filters(Schema):
    """Which entries: all that is given must fit."""

    action: Line = Field("", description="One action, or the beginning of some: `accounts.`")
    actor: Line = Field("", description="A person's id or e-mail, or `system`")
    target: Line = Field("", description="`type`, `type:id` or an id")
    since: Time | None = Field(None, alias="from", description="This moment and later")
    until: Time | None = Field(None, alias="to", description="Before this moment")


class EntryOut(Schema):
    id: UUID
    at: datetime
    actor: str = Field(description="A person's id; empty: the system")
    action: str
    target_type: str
    target_id: str
    request_id: str
    data: dict[str, Any]
    position: int | None = Field(description="Place in the chain; null until it is sealed")
    digest: str | None = None
    previous: str | None = None
    sealed_at: datetime | None = None


class SentenceOut(Schema):
    key: str
    state: State
    text: str
    more: list[str]
    at: datetime | None


class StateOut(Schema):
    """`state` is the worst of the sentences'."""

    state: State
    at: datetime
    sentences: list[SentenceOut]


class KeyOut(Schema):
    fingerprint: str = Field(description="SHA-256 of the key's DER form")
    pem: str


class FaultOut(Schema):
    code: str
    position: int | None
    entry: int | None
    detail: str


class VerdictOut(Schema):
    ok: bool
    entries: int
    sealed: int
    unsealed: int
    oldest_unsealed_seconds: int
    position: int = Field(description="Of the newest sealed entry; 0: none")
    digest: str
    checkpoints: int = Field(description="How many signed checkpoints the chain fits")
    cut: int = Field(description="Up to where retention removed entries; 0: never")
    faults: list[FaultOut]


class ProbeOut(Schema):
    kind: str
    target: str
    refused: bool
    layer: str
    how: str


class ProcessOut(Schema):
    kind: str
    name: str
    pid: int
    how: str = Field(description="`asked`: it tried itself; `read`: from the kernel")
    facts: dict[str, Any]
    probes: list[ProbeOut]
    refused: int | None = None
    problems: list[str]


class ProofOut(Schema):
    """What every process tried, and what became of it. `sha256` stands in the record, too."""

    at: datetime
    ok: bool
    wall: str
    attempts: int
    refused: int
    processes: list[ProcessOut]
    silent: list[dict[str, str]]
    problems: list[str]
    sha256: str


class ReportOut(Schema):
    id: str
    number: int
    made_at: datetime
    ok: bool
    sha256: str = Field(description="Of the file")


class CollectionRef(Schema):
    id: UUID
    name: str


class ReadingOut(Schema):
    """How often one person met a document."""

    person: str | None = Field(description="Null: the system")
    email: str | None = Field(description="Null: a person who is no longer here")
    opened: int
    downloaded: int
    answers: int
    searches: int
    first: datetime
    last: datetime


class ReadingsOut(Schema):
    items: list[ReadingOut]
    complete: bool = Field(description="False: older answers and searches were not looked through")
    looked_through: int = Field(description="At most so many answers and searches, the newest")


class WayOut(Schema):
    how: Literal["person", "group", "everyone"]
    role: str
    group: str | None
    since: datetime | None = None
    by: UUID | None = None


class WaysOut(Schema):
    person: UUID
    collection: CollectionRef | None
    ways: list[WayOut]


class ReachOut(Schema):
    collection: CollectionRef
    role: str
    ways: list[WayOut]


def entry_out(entry: Entry) -> dict[str, Any]:
    """`entry` with its seal selected."""
    seal: Seal | None = getattr(entry, "seal", None)
    return {
        "id": entry.uuid,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "request_id": entry.request_id,
        "data": entry.data,
        "position": seal.position if seal else None,
        "digest": seal.digest if seal else None,
        "previous": seal.previous if seal else None,
        "sealed_at": seal.at if seal else None,
    }


def sentence_out(sentence: Sentence) -> dict[str, Any]:
    return {
        "key": sentence.key,
        "state": sentence.state,
        "text": str(sentence.text),
        "more": [str(line) for line in sentence.more],
        "at": sentence.at,
    }


def verdict_out(verdict: Verdict) -> dict[str, Any]:
    position, digest = verdict.head or (0, "")
    return {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "sealed": verdict.sealed,
        "unsealed": verdict.unsealed,
        "oldest_unsealed_seconds": verdict.oldest_unsealed_seconds,
        "position": position,
        "digest": digest,
        "checkpoints": verdict.checkpoints,
        "cut": verdict.cut,
        "faults": [asdict(fault) for fault in verdict.faults],
    }


def report_out(report: ReportFile) -> dict[str, Any]:
    names = ("id", "number", "made_at", "ok", "sha256")
    return {name: getattr(report, name) for name in names}
