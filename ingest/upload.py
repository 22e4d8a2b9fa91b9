"""A file comes in: size, hash, kind, duplicate; keep it; tell the workers."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.record import record
from ingest import erase, fair, forgotten, keys, queue, scanner
from ingest.access import EDITOR, get_collection
from ingest.files import remove_original
from ingest.guard import detect_media_type, safe_name
from ingest.incoming import Incoming as Incoming
from ingest.incoming import UploadRefused as UploadRefused
from ingest.incoming import disk, key_errors, plain, received
from ingest.models import Collection, Document, original_path
from ingest.parsers.base import ParseError
from ingest.reasons import reason, sentence
from ingest.versions import require_living

log = structlog.get_logger(__name__)

MAX_PATH = 1_000


@dataclass(frozen=True, slots=True)
class Uploaded:
    """`created` is False where the same bytes were in the collection already.

    `replaces`: the version of the same name in the same folder that goes when this one is ready.
    `was_erased`: this file was erased from the collection before, and is back because a person wants it.
    """

    document: Document
    created: bool
    replaces: int | None = None
    was_erased: bool = False


def upload(  # noqa: PLR0913 (what a file that comes in has)
    user: User | None,
    collection: Collection,
    file: "File[bytes]",
    *,
    name: str,
    path: str = "",
    document_id: UUID | None = None,
    container: Document | None = None,
    require: Callable[[Document], None] | None = None,
) -> Uploaded:
    """Take a file into `collection` and queue it. For editors; `user` None is the system itself.

    The same bytes again: the document that is there, which is the newest version again where it was
    not. The same `path` and `name` with other bytes: a new version, which replaces the older one when it
    is ready. `container`: the archive that it was in; Http404 where that is being erased. `require` is
    called in the transaction that takes a new document, where no erasure can come between: what it raises
    ends that.

    Raises UploadRefused, PermissionDenied, Http404.
    """
    if user is not None:
        collection = get_collection(user, collection.pk, EDITOR)
    name, path, pk = safe_name(name), folder(path), document_id or uuid4()
    with received(file, pk) as incoming:
        require_clean(incoming, pk, user, collection)
        existing = _same_bytes(collection, incoming.sha256)
        if existing is not None:
            if (existing.path, existing.name) == (path, name):
                _put_back(existing)
            return Uploaded(existing, created=False)
        document = Document(
            id=pk,
            collection=collection,
            name=name,
            path=path,
            bytes=incoming.size,
            sha256=incoming.sha256,
            media_type=kind_of(incoming, pk, name),
            uploaded_by=user,
            container=container,
        )
        return _kept(document, incoming, require)


def folder(path: str) -> str:
    """A folder path to show, never to open: no dots, no empty parts, no control characters."""
    parts = [
        part.strip() for part in unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    ]
    parts = [part for part in parts if part not in ("", ".")]
    if ".." in parts or not all(part.isprintable() for part in parts):
        raise UploadRefused(
            "bad-path", _("Give the folder path without .. and special characters.")
        )
    if len(folder := "/".join(parts)) > MAX_PATH:
        raise UploadRefused("bad-path", _("Use a folder path of at most 1,000 letters."))
    return folder


def require_clean(incoming: Incoming, pk: UUID, user: User | None, collection: Collection) -> None:
    """Ask the malware scanner, where there is one. What it cannot be asked about is not taken."""
    if not settings.CLAMD:
        return
    try:
        with plain(incoming, pk) as file:
            scanner.scan(settings.CLAMD, file)
    except scanner.ScannerError as error:
        log.warning("scanner.failed", code=error.code, why=error.why)
        raise UploadRefused(error.code, sentence(error.code)) from error
    except scanner.MalwareFound as error:
        record(
            actions.DOCUMENT_REFUSED,
            actor=user,
            target=("collection", collection.id),
            data={
                "signature": error.signature,
                "sha256": incoming.sha256,
                "bytes": incoming.size,
            },
        )
        raise UploadRefused("malware-found", sentence("malware-found")) from error


def kind_of(incoming: Incoming, pk: UUID, name: str) -> str:
    """By the content."""
    try:
        with plain(incoming, pk) as file:
            return detect_media_type(file, name)
    except ParseError as error:
        raise UploadRefused(error.code, reason(error.code, error.detail)) from error


def _same_bytes(collection: Collection, sha256: str) -> Document | None:
    """The document of the same bytes: the constraint `document_bytes_once_a_collection`."""
    same = Document.objects.filter(collection=collection, sha256=sha256)
    return same.exclude(status=Document.Status.ERASING).first()


def _put_back(existing: Document) -> None:
    """An older version came in again while a newer one waits: what came last is the newest."""
    with transaction.atomic():
        require_living(existing.collection_id)
        living = Document.objects.filter(pk=existing.pk).exclude(status=Document.Status.ERASING)
        row = living.first()
        newest = _newest_version(existing)
        if row is not None and row.version < newest:
            existing.version = row.version = newest + 1
            row.save(update_fields=["version"])
            if row.status == Document.Status.READY:
                erase.supersede(row)


def _kept(
    document: Document, incoming: Incoming, require: Callable[[Document], None] | None
) -> Uploaded:
    document.file.name = original_path(document, "")
    final = Path(document.file.path)
    try:
        with transaction.atomic():
            # Of two files of one name at once, each must see the other's version.
            require_living(document.collection_id)
            _lock_container(document)
            older = _newest_version(document)
            document.version = older + 1
            fair.place([document])
            document.save(force_insert=True)
            if require is not None:
                require(document)
            # Sources ask before they take a file; a person may bring it back, and is told.
            back = document.uploaded_by is not None and forgotten.allow(
                document.collection, document.sha256
            )
            _record(document)
            with disk(), key_errors():
                keep_file(document.id, incoming, final)
            queue.send_on_commit(queue.PROCESS, str(document.id))
    except IntegrityError:
        # Two uploads of the same bytes at once: the other one was first.
        existing = _same_bytes(document.collection, document.sha256)
        if existing is None:
            raise
        return Uploaded(existing, created=False)
    except Exception:
        remove_original(document)
        raise
    return Uploaded(document, created=True, replaces=older or None, was_erased=bool(back))


def keep_file(pk: UUID, incoming: Incoming, final: Path) -> None:
    """The key first: an original without its key is lost, a key without its original is nothing."""
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with keys.lock():
        if incoming.key:
            keys.save(incoming.key, pk)
        incoming.place.replace(final)


def _lock_container(document: Document) -> None:
    """An erasure of the archive sees this file, or this file sees the erasure. Raises Http404."""
    if document.container_id is None:
        return
    living = Document.objects.select_for_update().filter(pk=document.container_id)
    if living.exclude(status=Document.Status.ERASING).first() is None:
        raise Http404


def _newest_version(document: Document) -> int:
    """Of the documents of this name in this folder; 0 where there is none."""
    older = Document.objects.filter(
        collection=document.collection, path=document.path, name=document.name
    ).exclude(status=Document.Status.ERASING)
    return max(older.values_list("version", flat=True), default=0)


def _record(document: Document) -> None:
    record(
        actions.DOCUMENT_UPLOADED,
        actor=document.uploaded_by,
        target=("document", document.id),
        data={
            "collection": str(document.collection_id),
            "sha256": document.sha256,
            "bytes": document.bytes,
            "media_type": document.media_type,
            "version": document.version,
            **({"container": str(document.container_id)} if document.container_id else {}),
        },
    )
