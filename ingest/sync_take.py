"""One file of a source becomes a document, a new version, the same at another place, or a reason why not."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ingest import sync_documents, sync_rows, versions
from ingest.forgotten import is_forgotten
from ingest.models import Document, SourceItem, SyncSource
from ingest.sources.base import Item, Kind, SourceError
from ingest.sync_claim import SyncClaim
from ingest.sync_stream import SourceFile
from ingest.upload import Uploaded, UploadRefused, upload

ERASING = Document.Status.ERASING
#: What is the matter with one file alone: the next run tries again.
OF_ONE = frozenset(
    {"source-missing", "source-changed-meanwhile", "source-cut-off", "source-refused"}
)
#: What is the matter with this installation: no file would be taken.
OF_ALL = frozenset({"disk-full", "key-missing", "scanner-unavailable"})


@dataclass
class Counts:
    """What became of the files of one run. `skipped`: by the patterns; `unnamed`: names that are not taken;
    `held`: gone, but under a legal hold; `unread`: folders that could not be listed."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    gone: int = 0
    unchanged: int = 0
    failed: int = 0
    left_out: int = 0
    skipped: int = 0
    unnamed: int = 0
    held: int = 0
    unread: int = 0

    def as_data(self) -> dict[str, int]:
        return {name: number for name, number in asdict(self).items() if number}


class LeftOut(Exception):
    """Its document was erased here by a person. `row`: what was known of it under another key."""

    def __init__(self, sha256: str, row: SourceItem | None) -> None:
        super().__init__("left out")
        self.sha256 = sha256
        self.row = row


@dataclass
class Taker:
    """Takes the files of one run. `gone`: rows that are missing, by the SHA-256 of their bytes: one that
    comes again under another key has moved."""

    claim: SyncClaim
    kind: Kind
    gone: Mapping[str, SourceItem]
    counts: Counts
    #: Documents that may stand for other files now than before: sync_documents.settle.
    unsettled: set[UUID] = field(default_factory=set)
    #: Moves over other files, which are lost by them: sync_gone.
    over: list[tuple[SourceItem, Item]] = field(default_factory=list)

    @property
    def source(self) -> SyncSource:
        return self.claim.source

    def take(self, item: Item) -> int | None:
        """Read one file. Returns the key of the row in `gone` that it was, 0 where it is done, None where
        it has to be read again. Raises SourceError for what ends the run."""
        rows = self.source.items.select_related("source", "document")
        row = rows.filter(digest=item.digest).first()
        if row is not None and row.left_out:
            sync_rows.write(self.source, row, item)
            return 0
        if (item.size or 0) > settings.MAX_UPLOAD_MB * 1_000_000:
            return self._refused(row, item, "file-too-large")
        try:
            uploaded = self._uploaded(row, item)
        except LeftOut as out:
            return self._left_out(row, item, out)
        except (SourceError, UploadRefused) as error:
            return self._refused(row, item, error.code)
        return self._taken(row, item, uploaded)

    def _uploaded(self, row: SourceItem | None, item: Item) -> Uploaded:
        folder, name = (row.path, row.name) if row else sync_rows.free_place(self.source, item)
        collection = self.source.collection
        if row is not None:
            sync_documents.give_way(row)

        def check(sha256: str) -> None:
            known = self.gone.get(sha256)
            if known is not None and known.left_out:
                raise LeftOut(sha256, known)
            if is_forgotten(collection, sha256, f"{folder}/{name}"):
                raise LeftOut(sha256, None)

        def require(document: Document) -> None:
            check(document.sha256)

        with self.kind.fetch(item) as parts:
            file = SourceFile(item, parts, self.claim.beat, check)
            # Once more when it is kept: it may have been erased while it came.
            return upload(None, collection, file, name=name, path=folder, require=require)

    @transaction.atomic
    def _taken(self, row: SourceItem | None, item: Item, uploaded: Uploaded) -> int | None:
        document = uploaded.document
        versions.stand_still(self.source.collection_id)
        if not Document.objects.filter(pk=document.pk).exclude(status=ERASING).exists():
            return self._erased(row, item, document)
        moved = None if uploaded.created else self.gone.get(document.sha256)
        if moved is not None and moved.document_id == document.pk:
            return self._moved(row, moved, item)
        former = row.document_id if row else None
        if former == document.pk:
            sync_rows.write(self.source, row, item, error_code="")
            return 0
        owned = uploaded.created or self._ours(document)
        changes = {"document": document, "sha256": document.sha256, "owned": owned}
        sync_rows.write(self.source, row, item, error_code="", **changes)
        if row is None:
            self.counts.new += 1
        else:
            self.counts.changed += 1
        if not uploaded.created:
            self.unsettled |= {document.pk, *([former] if former else [])}
        return 0

    def _moved(self, row: SourceItem | None, moved: SourceItem, item: Item) -> int:
        if row is None:
            sync_rows.rekey(moved, item)
            self.counts.moved += not moved.left_out
        else:
            self.over.append((moved, item))
        return moved.pk

    def _erased(self, row: SourceItem | None, item: Item, document: Document) -> int | None:
        """It was erased as soon as it was here: by a person for good, or it has to be read again."""
        place = f"{document.path}/{document.name}"
        if not is_forgotten(self.source.collection, document.sha256, place):
            return None
        return self._left_out(row, item, LeftOut(document.sha256, None))

    def _ours(self, document: Document) -> bool:
        """Whether a document that was there came by this source, in a run that was cut short."""
        inside = f"{document.path}/".startswith(f"{self.source.name}/")
        owned = SourceItem.objects.filter(document=document, owned=True).exists()
        return inside and document.uploaded_by_id is None and not owned

    def _left_out(self, row: SourceItem | None, item: Item, out: LeftOut) -> int:
        if out.row is None:
            changes = {"sha256": out.sha256, "left_out": True, "error_code": ""}
            sync_rows.write(self.source, row, item, **changes)
            if row is not None:
                # What it was before is not there any more, either.
                before = sync_documents.of_item(row).values_list("pk", flat=True)
                sync_documents.erase_all(set(before))
            return 0
        return self._moved(row, out.row, item)

    def _refused(self, row: SourceItem | None, item: Item, code: str) -> int | None:
        """Of one file; what is the matter with the source or with us ends the run."""
        of_source = code.startswith(("source-", "secret-")) and code != "source-elsewhere"
        if code in OF_ALL or (of_source and code not in OF_ONE):
            raise SourceError(code)
        self.counts.failed += 1
        written = sync_rows.write(self.source, row, item, error_code=code)
        if code not in OF_ONE:
            return 0
        # As if it had not been seen: the next run finds it touched.
        SourceItem.objects.filter(pk=written.pk).update(version="")
        return None
