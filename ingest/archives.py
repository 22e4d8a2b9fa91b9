"""A ZIP archive is a folder: each file in it becomes a document of its own.

A child unpacks (parsers/unpacking.py); here each file goes through ingest.upload like any other, with
all its checks. Nothing is double when it is done again: the same bytes are the same document.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db.models import Sum
from django.http import Http404
from django.utils.translation import gettext as _

from ingest import files, notices
from ingest.claims import LeaseLost
from ingest.forgotten import is_forgotten
from ingest.forgotten import place_of as place_of_document
from ingest.guard import safe_name
from ingest.inside import MAX_DEPTH, inside, outermost
from ingest.models import Document
from ingest.parsers.base import Notice, ParseError
from ingest.parsers.frames import Told
from ingest.parsers.unpacking import unpack_isolated
from ingest.parsers.unzip import Bounds
from ingest.reasons import sentence
from ingest.upload import Uploaded, UploadRefused, upload
from ingest.vault import Unreadable
from sovereign.spool import Spool

#: Bytes of all files of one archive, and of the archives in it, as often as one file may have them.
MAX_TOTAL = 10
#: Refused files that are kept by name, and how many a notice names.
MAX_REFUSED, NAMED = 200, 5
#: Refusals that are no file's fault: all of it is tried again later.
_PASSING = frozenset({"scanner-unavailable", "disk-full", "key-missing"})


@dataclass(frozen=True, slots=True)
class Refused:
    """A file of an archive that was not taken: its name there, a code of docs/errors.md, a sentence."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`taken`: files of it that are in the collection now, those included that were before."""

    taken: int
    refused: list[Refused]


def unpack(
    document: Document, check: Callable[[], None], progress: Callable[[int, int], None]
) -> Unpacked:
    """Make a document of each file of an archive; what was refused goes into `document.reading` and
    `.warnings`, which are saved.

    `check` is called before each file and may raise to stop it. Raises ParseError `no-files` (nothing was
    taken), `archive-too-deep`, `too-many-files`, `archive-too-large`, `damaged`, `forbidden`, those of the
    sandbox, and, not permanent, what keeps all uploads away; LeaseLost where it is being erased.
    """
    work = _Work(document, check)
    try:
        _receive(work, Told(progress, None, check))
    except ParseError:
        work.save()
        raise
    finally:
        work.close()
    work.adopt()
    work.save()
    if not work.taken:
        raise ParseError(
            "no-files", _("No file of the archive could be taken. Upload them one by one.")
        )
    return Unpacked(work.taken, work.refused)


def _receive(work: "_Work", told: Told) -> None:
    try:
        with files.descriptor(work.document) as source:
            unpack_isolated(
                source,
                work.bounds,
                work,
                cpu_seconds=settings.PARSE_CPU_SECONDS,
                wall_seconds=settings.PARSE_WALL_SECONDS,
                memory_mb=settings.PARSE_MEMORY_MB,
                told=told,
            )
    except Unreadable as error:
        raise ParseError(error.code, sentence(error.code)) from error


class _Work:
    """Receives the files of one archive."""

    def __init__(self, document: Document, check: Callable[[], None]) -> None:
        self.document = document
        self.taken = 0
        self.refused: list[Refused] = []
        self._check = check
        self._known: list[str] = []
        self._adopted: list[UUID] = []
        self._places: set[tuple[str, str]] = set()
        self._name, self._spool = "", Spool(0)
        self.bounds = _bounds(document)
        self._older = set(_older_versions(document))

    def begin(self, name: str) -> None:
        self._check()
        self._name = name
        self._spool = Spool(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)

    def data(self, piece: bytes) -> None:
        self._spool.write(piece)

    def end(self, code: str) -> None:
        try:
            if code:
                self._refuse(*_why(code))
            else:
                self._take()
        finally:
            self._spool.close()

    def close(self) -> None:
        self._spool.close()

    def _take(self) -> None:
        folder, name = self._place()
        try:
            found = upload(
                self.document.uploaded_by,
                self.document.collection,
                File(cast("IO[bytes]", self._spool), name),
                name=name,
                path=folder,
                container=self.document,
                require=self._require_wanted,
            )
        except UploadRefused as error:
            if error.code in _PASSING:
                raise ParseError(error.code, str(error.detail), permanent=False) from error
            self._refuse(error.code, str(error.detail))
        except (PermissionDenied, Http404) as error:
            raise self._forbidden() from error
        else:
            self._took(found)

    def _require_wanted(self, member: Document) -> None:
        """Nothing that was erased comes back because an archive is read once more, or because a source
        sends another version of it. Raises UploadRefused `erased-here`."""
        archive, collection = self.document, self.document.collection
        gone = is_forgotten(collection, member.sha256, since=archive.created_at)
        if not gone and archive.uploaded_by_id is None:
            gone = is_forgotten(collection, member.sha256, place_of_document(member), alone=True)
        if gone:
            raise UploadRefused("erased-here", sentence("erased-here"))

    def _took(self, found: Uploaded) -> None:
        """A file that was there before stays where it is, unless it came in an older version of this."""
        self.taken += 1
        container = found.document.container_id
        if container in self._older:
            self._adopted.append(found.document.pk)
        elif container != self.document.pk:
            self._known.append(self._name)

    def _refuse(self, code: str, detail: str) -> None:
        self.refused.append(Refused(shown(self._name), code, detail))

    def _forbidden(self) -> Exception:
        living = Document.objects.filter(pk=self.document.pk, collection__erasing=False)
        if not living.exclude(status=Document.Status.ERASING).exists():
            return LeaseLost()
        return ParseError(
            "forbidden",
            _(
                "Whoever uploaded the archive may not add to this collection any more. Ask a manager."
            ),
        )

    def _place(self) -> tuple[str, str]:
        """Folder and name, not yet given to another file of this archive."""
        folder, name = place_of(self.document, self._name)
        plain, number = PurePosixPath(name), 2
        while (folder, name) in self._places:
            name = safe_name(f"{plain.stem[:240]} ({number}){plain.suffix}")
            number += 1
        self._places.add((folder, name))
        return folder, name

    def adopt(self) -> None:
        """Files of an older version that are in this one, too, do not go with that."""
        kept = Document.objects.filter(pk__in=self._adopted)
        kept.exclude(status=Document.Status.ERASING).update(container=self.document)

    def save(self) -> None:
        """Write down what became of the files."""
        total = self.taken + len(self.refused)
        self.document.reading["refused"] = [asdict(each) for each in self.refused[:MAX_REFUSED]]
        self.document.reading["files"] = {"taken": self.taken, "refused": len(self.refused)}
        told = [
            Notice(code, len(names), total, _listed(names))
            for code, names in (
                ("parts-not-read", [each.name for each in self.refused]),
                ("parts-known", [shown(name) for name in self._known]),
            )
            if names
        ]
        self.document.warnings = notices.stored(tuple(told))
        living = Document.objects.filter(pk=self.document.pk)
        living.exclude(status=Document.Status.ERASING).update(
            reading=self.document.reading, warnings=self.document.warnings
        )


def place_of(document: Document, name: str) -> tuple[str, str]:
    """Where a file of an archive is shown: folder and name. `name`, as the archive has it, is no path:
    parts that go up or name a drive are left out, the others cleaned one by one."""
    parts = [part.strip() for part in name.replace("\\", "/").split("/")]
    parts = [
        safe_name(part)
        for part in parts
        if part.strip(". ") and not re.fullmatch(r"[A-Za-z]:", part)
    ]
    archive = re.sub(r"\.zip$", "", document.name, flags=re.I).strip(". ") or document.name
    folders = [document.path, archive, *parts[:-1]]
    return "/".join(filter(None, folders)), parts[-1] if parts else safe_name("")


def shown(name: str) -> str:
    """A name inside an archive as people see it."""
    return "".join(filter(str.isprintable, name))[-255:] or "?"


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > NAMED else ""
    return ", ".join(name[-60:] for name in names[:NAMED]) + more


def _why(code: str) -> tuple[str, str]:
    """Code and sentence of a file that could not be unpacked."""
    if code == "link":
        return "unsupported-format", _("This is a link, not a file.")
    if code == "method":
        return "unsupported-format", _("It is packed by a method that is not read. Pack it anew.")
    if code == "file-too-large":
        return code, _("The file is larger than %(limit)s MB.") % {"limit": settings.MAX_UPLOAD_MB}
    return code, sentence(code)


def _bounds(document: Document) -> Bounds:
    """An archive in an archive has what the outermost leaves it. Raises ParseError `archive-too-deep`."""
    outer, depth = outermost(document)
    if depth >= MAX_DEPTH:
        raise ParseError(
            "archive-too-deep",
            _("Archives lie in each other too deeply. Unpack it, upload the files."),
        )
    others = inside([outer]) - inside([document.pk]) - {document.pk}
    used = Document.objects.filter(pk__in=others).aggregate(Sum("bytes"))["bytes__sum"] or 0
    most = settings.MAX_UPLOAD_MB * 1_000_000
    left = settings.MAX_ARCHIVE_FILES - len(others), MAX_TOTAL * most - used
    return Bounds(max(0, left[0]), most, max(0, left[1]))


def _older_versions(document: Document) -> list[UUID]:
    same = Document.objects.filter(
        collection=document.collection_id,
        path=document.path,
        name=document.name,
        version__lt=document.version,
    )
    return list(same.exclude(pk=document.pk).values_list("pk", flat=True))
