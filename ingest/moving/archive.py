"""The format of an archive of a collection. No Django.

A ZIP whose members have these names alone; N counts documents in the order of their words:

    documents.jsonl       a line for each document
    d/N/original          the file itself, where it is kept
    d/N/extract           what was read of it, as the database keeps it (zlib)
    d/N/passages.jsonl    its passages; `vectors`: how many each has
    d/N/vectors           these, float16, little endian, one after the other
    parts/NAME.jsonl      what other rooms keep of it: golden questions
    manifest.json         last: about the whole, and SHA-256 and size of every other member

manifest.json is canonical JSON (RFC 8785): {"manifest", "sha256" (of the canonical manifest), "signature"
(Ed25519 over CONTEXT and the canonical manifest)}.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

FORMAT, VERSION = "sovereign-collection", 1
CONTEXT = b"sovereign-archive-v1\n"
MANIFEST, DOCUMENTS = "manifest.json", "documents.jsonl"
NAME = re.compile(
    r"documents\.jsonl|manifest\.json|parts/[a-z]{1,30}\.jsonl"
    r"|d/(0|[1-9]\d{0,6})/(original|extract|passages\.jsonl|vectors)"
)
SHA256 = r"^[0-9a-f]{64}$"
MOST_MANIFEST = 64_000_000
#: Of one file: sums of them stay numbers.
MOST_BYTES = 10**13
#: Of a line of documents.jsonl or passages.jsonl.
MOST_LINE = 4_000_000


class ArchiveError(Exception):
    """An archive that is not taken. `code` is one of docs/errors.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class About(_Strict):
    """The collection that it was. `origins`: ids of those that it came from, its own last."""

    name: str = Field(min_length=1, max_length=150)
    description: str = Field(max_length=2_000)
    origins: list[Annotated[str, Field(max_length=36)]] = Field(max_length=100)


class Embedder(_Strict):
    name: str = Field(max_length=200)
    dimension: int = Field(ge=0, le=65_536)
    files: dict[str, str] = Field(max_length=100)


class Counts(_Strict):
    documents: int = Field(ge=0)
    passages: int = Field(ge=0)
    originals: int = Field(ge=0)


class Member(_Strict):
    sha256: str = Field(pattern=SHA256)
    bytes: int = Field(ge=0, le=MOST_BYTES)


class Manifest(_Strict):
    format: Literal["sovereign-collection"]
    version: Literal[1]
    product: str = Field(max_length=50)
    made_at: str = Field(max_length=50)
    collection: About
    embedder: Embedder
    chunking: str = Field(max_length=50)
    counts: Counts
    members: dict[str, Member]


class Signature(_Strict):
    algorithm: Literal["Ed25519"]
    fingerprint: str = Field(pattern=SHA256)
    key: str = Field(max_length=2_000)
    value: str = Field(pattern=r"^[0-9a-f]{128}$")


class Signed(_Strict):
    manifest: Manifest
    sha256: str = Field(pattern=SHA256)
    signature: Signature


class Recognised(_Strict):
    """Of text recognition: pages that were tried, pages that had text, how sure, in which languages."""

    tried: list[int] = Field(max_length=100_000)
    pages: list[int] = Field(max_length=100_000)
    confidence: float | None = Field(allow_inf_nan=False)
    languages: list[str] = Field(max_length=50)


class DocumentLine(_Strict):
    number: int = Field(ge=0, le=9_999_999)
    name: str = Field(min_length=1, max_length=255)
    path: str = Field(max_length=1_000)
    sha256: str = Field(pattern=SHA256)
    bytes: int = Field(ge=0, le=MOST_BYTES)
    media_type: str = Field(max_length=150)
    status: Literal["ready", "failed", "queued"]
    visible: bool
    error_code: str = Field(max_length=50)
    language: str = Field(max_length=8)
    dated: str | None = Field(max_length=10)
    container: int | None
    version: int = Field(ge=1, le=1_000_000)
    passages: int = Field(ge=0)
    ocr: Recognised | None


class PassageLine(_Strict):
    ordinal: int = Field(ge=0, le=10_000_000)
    text: str = Field(max_length=1_000_000)
    context: str = Field(max_length=1_000)
    heading_path: list[str] = Field(max_length=50)
    page: int | None = Field(ge=0, le=10_000_000)
    start: int = Field(ge=0, le=2_000_000_000)
    end: int = Field(ge=0, le=2_000_000_000)
    boxes: list[list[float]] = Field(max_length=10_000)
    language: str = Field(max_length=8)
    confidence: float | None = Field(ge=0, le=1)
    vectors: int = Field(ge=0, le=10_000)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A manifest as it is signed: its canonical bytes and their hash."""

    canonical: bytes
    sha256: str


def sealed(manifest: Manifest) -> Sealed:
    canonical = rfc8785.dumps(manifest.model_dump())
    return Sealed(canonical, hashlib.sha256(canonical).hexdigest())


def member(number: int, kind: str) -> str:
    return f"d/{number}/{kind}"
