"""The shapes of the calls about sources."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from ingest.models import SourceItem, SyncRun, SyncSource
from ingest.sync_manage import Draft, is_stale

KindName = Literal["folder", "webdav", "imap", "s3", "git"]


class SourceIn(Schema):
    """`settings` of the kind: docs/sources.md."""

    kind: KindName
    name: str = Field(max_length=80)
    settings: dict[str, bool | str | int | list[str]]
    include: list[str] = []
    exclude: list[str] = []
    minutes: int = 15
    credential: str = Field("", max_length=100)

    def draft(self) -> Draft:
        return Draft(**self.model_dump())


class SourcePut(Schema):
    settings: dict[str, bool | str | int | list[str]]
    include: list[str] = []
    exclude: list[str] = []
    minutes: int = 15
    credential: str = Field("", max_length=100)

    def draft(self, source: SyncSource) -> Draft:
        return Draft(kind=source.kind, name=source.name, **self.model_dump())


class PausedIn(Schema):
    paused: bool


class DeletionsIn(Schema):
    """How many were read as waiting."""

    count: int


class LookOut(Schema):
    files: int
    skipped: int
    bytes: int
    more: bool
    examples: list[str]


class SourceOut(Schema):
    id: UUID
    collection: UUID
    kind: str
    name: str
    settings: dict[str, Any]
    include: list[str]
    exclude: list[str]
    minutes: int
    credential: str
    paused: bool
    last_run_at: datetime | None
    last_success_at: datetime | None
    stale: bool
    error_code: str
    deletions_waiting: int


class RunOut(Schema):
    started_at: datetime
    finished_at: datetime | None
    error_code: str
    counts: dict[str, int]


class SourceItemOut(Schema):
    id: int
    path: str
    name: str
    document: UUID | None
    left_out: bool
    error_code: str


def source_out(source: SyncSource) -> dict[str, Any]:
    same = ("id", "kind", "name", "settings", "include", "exclude", "minutes", "credential")
    told = ("paused", "last_run_at", "last_success_at", "error_code", "deletions_waiting")
    out = {name: getattr(source, name) for name in same + told}
    return out | {"collection": source.collection_id, "stale": is_stale(source)}


def run_out(run: SyncRun) -> dict[str, Any]:
    names = ("started_at", "finished_at", "error_code", "counts")
    return {name: getattr(run, name) for name in names}


def item_out(item: SourceItem) -> dict[str, Any]:
    names = ("id", "path", "name", "left_out", "error_code")
    return {name: getattr(item, name) for name in names} | {"document": item.document_id}
