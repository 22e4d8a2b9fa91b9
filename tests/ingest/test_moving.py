"""A collection leaves as one archive and comes in elsewhere: the same passages, or nothing."""

import hashlib
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import rfc8785
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.http import Http404
from django.test.client import MULTIPART_CONTENT
from django.utils import timezone

from accounts.models import User
from audit import actions, keys
from audit.models import Entry
from audit.problems import Problem
from evaluation.imports import import_questions
from evaluation.models import Question
from evaluation.sets import create_set
from inference.client import get_client
from ingest import chroma, erase, forgotten, indexes, lexical, store
from ingest.access import collections_for
from ingest.exact import matrices
from ingest.models import Chunk, Collection, Document, Extract, Index, Transfer
from ingest.moving import archive, files, jobs, reading, taking, work, writing
from ingest.moving.archive import ArchiveError
from ingest.pipeline import process_document
from ingest.unmanaged import unmanaged
from ingest.vault import Unreadable
from tests.ingest.conftest import Add, Put, held_vectors

pytestmark = pytest.mark.django_db

QUESTIONS = ("annual leave days", "who opens the canteen", "office closes in case 3")
MOST = 10**9
Found = list[tuple[str, int, float]]


@pytest.fixture(autouse=True)
def _own_folder(folder: Path) -> None:
    """Archives are counted below: those of others are not among them."""


@pytest.fixture
def documents(add: Add) -> list[Document]:
    same = "Every employee has 28 days of annual leave per year.\n"
    texts = [f"# Note {n}\n\n{same}In case {n} the office closes on day {n}.\n" for n in range(4)]
    texts.append("# Canteen\n\nThe porter opens the canteen at noon.\n")
    return [add(f"{n}.md", text, path="notes") for n, text in enumerate(texts)]


def found(collection: Collection) -> list[Found]:
    """Of each question what both legs find: path, ordinal, score."""
    index, results = indexes.active(), list[Found]()
    matrices.clear()
    for question in QUESTIONS:
        vector = get_client().embed_queries([question])[0]
        legs = (
            lexical.search(question, [collection.pk], 20, index=index.pk),
            store.search(vector, [collection.pk], 20, index=index),
        )
        for hits in legs:
            rows = Chunk.objects.select_related("document").in_bulk([hit.chunk for hit in hits])
            named = [(rows[hit.chunk], hit.score) for hit in hits]
            rows_of = [(f"{c.document.path}/{c.document.name}", c.ordinal, s) for c, s in named]
            # Equals stand in the order of their ids, which are others in a copy.
            results.append(sorted(rows_of, key=lambda row: (-round(row[2], 6), row[:2])))
    return results


def exported(user: User, collection: Collection) -> bytes:
    made = jobs.begin_export(user, collection)
    work.run(made.pk)
    made.refresh_from_db()
    assert (made.status, made.error_code) == ("done", "")
    with jobs.download(user, made) as file:
        return file.read()


def imported(user: User, data: bytes) -> Transfer:
    made = jobs.begin_import(user, io.BytesIO(data))
    work.run(made.pk)
    made.refresh_from_db()
    return made


def nothing_is_left() -> bool:
    """Of an import that came to nothing: besides Alice's one collection."""
    ids = {pk.hex for pk in Document.objects.values_list("pk", flat=True)}
    kept = {file.name for file in files.folder().glob("*")}
    ready = {pk.hex for pk in Transfer.objects.filter(status="done").values_list("pk", flat=True)}
    return Collection.objects.count() == 1 and len(ids) == 5 and kept <= ready


def same(before: list[Found], after: list[Found]) -> bool:
    names = [[row[:2] for row in one] for one in before]
    scores = [row[2] for one in before for row in one]
    return names == [[row[:2] for row in one] for one in after] and scores == pytest.approx(
        [row[2] for one in after for row in one], abs=1e-6
    )


# --- out and in -----------------------------------------------------------------------------------


def test_the_same_passages_are_found_in_the_copy(
    documents: list[Document], collection: Collection, alice: User, bob: User, monkeypatch: Any
) -> None:
    before, vectors = found(collection), held_vectors(collection.pk)
    data = exported(alice, collection)
    assert files.opened(Transfer.objects.get().pk).read() == data
    monkeypatch.setattr("ingest.vectors.get_client", None)
    made = imported(bob, data)
    assert (made.status, made.error_code, made.collection is None) == ("done", "", False)
    copy = made.collection
    assert copy is not None and copy.name == collection.name and copy.created_by == bob
    assert same(before, found(copy)) and held_vectors(copy.pk) == vectors
    assert not collections_for(alice).filter(pk=copy.pk).exists()
    one = Document.objects.get(collection=copy, name="0.md")
    old = documents[0]
    for name in ("path", "title", "language", "sha256", "media_type", "dated", "chunk_count"):
        assert getattr(one, name) == getattr(old, name), name
    assert Extract.objects.get(pk=one.pk).data == Extract.objects.get(pk=old.pk).data
    out = Entry.objects.get(action=actions.COLLECTION_EXPORTED)
    came = Entry.objects.get(action=actions.COLLECTION_IMPORTED)
    assert out.data["sha256"] == came.data["sha256"] == made.sha256
    assert came.data["documents"] == 5 and not list(files.folder().glob(f"{made.pk.hex}*"))


@pytest.mark.parametrize("other", ["embedder", "rules"])
def test_with_another_embedder_or_rules_documents_go_through_the_queue_without_being_read(
    documents: list[Document],
    collection: Collection,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    before, data = found(collection), exported(alice, collection)
    index = indexes.active()
    if other == "embedder":
        index.embedder = "another"
        index.save()
        monkeypatch.setattr("ingest.moving.taking.embedder_of", lambda _: _another())
    else:
        monkeypatch.setattr("ingest.moving.taking.Taking.same_rules", property(lambda _: False))
    monkeypatch.setattr("ingest.pipeline.parse_isolated", None)
    made = imported(alice, data)
    copy = made.collection
    assert made.status == "done" and copy is not None and made.counts["again"] == 5
    index.embedder = "fake"
    index.save()
    assert {row.status for row in copy.documents.all()} == {"queued"}
    for row in copy.documents.order_by("created_at"):
        process_document(row.pk)
    assert {row.status for row in copy.documents.all()} == {"ready"}
    assert sorted(map(str, before[-1])) == sorted(map(str, found(copy)[-1])) or other == "embedder"


def _another() -> archive.Embedder:
    return archive.Embedder(name="another", dimension=0, files={})


def test_an_import_that_was_killed_goes_on_and_is_seen_when_it_is_whole(
    documents: list[Document], collection: Collection, alice: User, admin: User, monkeypatch: Any
) -> None:
    before, data = found(collection), exported(alice, collection)
    made = jobs.begin_import(alice, io.BytesIO(data))
    real, left = taking.take, [3]

    class Killed(BaseException):
        pass

    def take(*given: Any) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        real(*given)

    monkeypatch.setattr("ingest.moving.taking.take", take)
    with pytest.raises(Killed):
        work.run(made.pk)
    half = Collection.objects.exclude(pk=collection.pk).get()
    assert half.documents.count() == 3 and not half.documents.filter(visible=True).exists()
    assert not collections_for(alice).filter(pk=half.pk).exists()
    assert not unmanaged(admin).filter(pk=half.pk).exists()
    monkeypatch.setattr("ingest.moving.taking.take", real)
    Transfer.objects.filter(pk=made.pk).update(lease_until=timezone.now())
    jobs.sweep()
    work.run(made.pk)
    assert collections_for(alice).filter(pk=half.pk).exists()
    assert same(before, found(half)) and half.documents.count() == 5


def test_an_import_that_fails_late_leaves_nothing(
    documents: list[Document], collection: Collection, alice: User, monkeypatch: Any
) -> None:
    data = exported(alice, collection)
    vectors, names = held_vectors(collection.pk), set(chroma.names())

    def broken(*_: Any) -> None:
        raise ArchiveError("archive-content")

    monkeypatch.setattr("ingest.moving.work._finish", broken)
    made = imported(alice, data)
    assert (made.status, made.error_code) == ("failed", "archive-content")
    assert nothing_is_left() and held_vectors(collection.pk) == vectors
    assert set(chroma.names()) == names


# --- who, how long --------------------------------------------------------------------------------


def test_an_export_is_its_makers_alone_and_ends(
    documents: list[Document],
    collection: Collection,
    alice: User,
    bob: User,
    erin: User,
    settings: Any,
) -> None:
    for user in (bob, erin):
        with pytest.raises(PermissionDenied):
            jobs.begin_export(user, collection)
    made = jobs.begin_export(alice, collection)
    assert jobs.begin_export(alice, collection) == made
    work.run(made.pk)
    with pytest.raises(Http404):
        jobs.download(bob, made)
    collection.grants.filter(user=bob).update(role="manager")
    with pytest.raises(Http404):
        jobs.download(bob, made)
    jobs.download(alice, made).close()
    Transfer.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(Problem) as over:
        jobs.download(alice, made)
    assert over.value.code == "export-over"
    jobs.sweep()
    assert not list(files.folder().glob("*"))


def test_erasing_a_document_ends_exports_that_hold_it(
    documents: list[Document],
    collection: Collection,
    alice: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    made = jobs.begin_export(alice, collection)
    work.run(made.pk)
    with django_capture_on_commit_callbacks(execute=True):
        erase.erase_document(alice, documents[0])
    made.refresh_from_db()
    assert (made.status, made.error_code) == ("ended", "export-withdrawn")
    assert not list(files.folder().glob("*"))
    with pytest.raises(Unreadable):
        files.opened(made.pk)


def test_a_document_erased_while_it_is_exported_is_not_in_the_archive(
    documents: list[Document], collection: Collection, alice: User, monkeypatch: Any
) -> None:
    real, once = writing.write, [True]

    def write(*given: Any) -> Any:
        done = real(*given)
        if once.pop() if once else False:
            erase.erase_document(alice, documents[0])
        return done

    monkeypatch.setattr("ingest.moving.work.write", write)
    made = jobs.begin_export(alice, collection)
    work.run(made.pk)
    made.refresh_from_db()
    assert made.status == "queued"
    work.run(made.pk)
    made.refresh_from_db()
    assert made.status == "done" and made.counts["documents"] == 4


def test_what_was_erased_here_comes_back_only_with_a_word_that_names_the_count(
    documents: list[Document], collection: Collection, alice: User
) -> None:
    data = exported(alice, collection)
    erase.erase_document(alice, documents[0])
    erase.erase_document(alice, documents[1])
    assert forgotten.is_forgotten(collection, documents[0].sha256)
    made = imported(alice, data)
    assert (made.status, made.erased) == ("asking", 2) and Collection.objects.count() == 1
    for wrong in (1, 3):
        with pytest.raises(Problem):
            jobs.confirm(alice, made, wrong)
    jobs.confirm(alice, made, 2)
    work.run(made.pk)
    made.refresh_from_db()
    assert made.status == "done" and made.collection is not None
    assert made.collection.documents.count() == 5
    assert Entry.objects.get(action=actions.COLLECTION_IMPORTED).data["erased"] == 2


# --- hostile archives -----------------------------------------------------------------------------


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(parts: list[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")
        for name, content in parts:
            file.writestr(name, content)
    return target.getvalue()


def resealed(parts: dict[str, bytes], **changes: Any) -> bytes:
    """With a manifest that fits, signed: by somebody who may."""
    said = json.loads(parts["manifest.json"])
    manifest = said["manifest"] | changes
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in parts.items()
        if name != "manifest.json"
    }
    canonical = rfc8785.dumps(manifest)
    said |= {"manifest": manifest, "sha256": hashlib.sha256(canonical).hexdigest()}
    said["signature"]["value"] = keys.sign(archive.CONTEXT + canonical).hex()
    return packed(list(({**parts, "manifest.json": json.dumps(said).encode()}).items()))


def without(parts: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: value for key, value in parts.items() if key != name}


def changed(parts: dict[str, bytes], name: str, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """A line of JSON of a member changed, then all sealed anew."""
    first, *rest = parts[name].splitlines()
    line = json.loads(first)
    edit(line)
    return resealed({**parts, name: b"\n".join([json.dumps(line).encode(), *rest]) + b"\n"})


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


HOSTILE: dict[str, tuple[Callable[[bytes, dict[str, bytes]], bytes], str]] = {
    "no ZIP": (lambda _d, _p: b"Anything at all.", "archive-not-ours"),
    "another ZIP": (lambda _d, _p: packed([("a.txt", b"a")]), "archive-not-ours"),
    "cut off": (lambda d, _p: d[:-500], "archive-damaged"),
    "a byte changed": (lambda d, _p: d[:200] + bytes([d[200] ^ 1]) + d[201:], "archive-damaged"),
    "dots": (lambda _d, p: packed([*p.items(), ("../x", b"x")]), "archive-names"),
    "absolute": (lambda _d, p: packed([*p.items(), ("/etc/x", b"x")]), "archive-names"),
    "a link": (lambda _d, p: packed([*p.items(), (link("d/9/extract"), b"/etc")]), "archive-names"),
    "twice": (lambda _d, p: packed([*p.items(), ("documents.jsonl", b"x")]), "archive-names"),
    "one more": (lambda _d, p: packed([*p.items(), ("d/99/extract", b"x")]), "archive-names"),
    "one less": (lambda _d, p: packed(list(without(p, "d/0/original").items())), "archive-names"),
    "no manifest": (lambda _d, p: packed(list(without(p, "manifest.json").items())), "archive-not-ours"),
    "another member": (
        lambda _d, p: packed(list({**p, "d/0/original": b"x" * len(p["d/0/original"])}.items())),
        "archive-damaged",
    ),
    "version": (lambda _d, p: resealed(p, version=2), "archive-version"),
    "format": (lambda _d, p: resealed(p, format="other"), "archive-not-ours"),
    "manifest of another form": (lambda _d, p: resealed(p, extra=1), "archive-content"),
    "manifest without a signature that fits": (
        lambda _d, p: packed(
            list({**p, "manifest.json": p["manifest.json"].replace(b'"value":"', b'"value":"00')}.items())
        ),
        "archive-content",
    ),
    "signature of something else": (
        lambda _d, p: packed(
            list(
                {
                    **p,
                    "manifest.json": json.dumps(
                        (said := json.loads(p["manifest.json"]))
                        | {"signature": said["signature"] | {"value": "ab" * 64}}
                    ).encode(),
                }.items()
            )
        ),
        "archive-signature",
    ),
    "a name that is a path": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(name="../../x.md")),
        "archive-content",
    ),
    "a folder with dots": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(path="a/../b")),
        "archive-content",
    ),
    "an original of more bytes than there are": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(bytes=10**30)),
        "archive-content",
    ),
    "an origin that is a book": (
        lambda _d, p: resealed(
            p, collection={"name": "A", "description": "", "origins": ["x" * 10**6]}
        ),
        "archive-content",
    ),
    "text recognition as sure as nothing": (
        lambda _d, p: changed(
            p,
            "documents.jsonl",
            lambda line: line.update(
                ocr={"tried": [1], "pages": [1], "confidence": float("nan"), "languages": []}
            ),
        ),
        "archive-content",
    ),
    "a note that others were unpacked from": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(container=1)),
        "archive-content",
    ),
    "a document in itself": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(container=0)),
        "archive-content",
    ),
    "a field too many": (
        lambda _d, p: changed(p, "documents.jsonl", lambda line: line.update(id="x")),
        "archive-content",
    ),
    "one document twice": (
        lambda _d, p: resealed({**p, "documents.jsonl": 2 * p["documents.jsonl"]}),
        "archive-content",
    ),
    "vectors of another length": (
        lambda _d, p: resealed({**p, "d/0/vectors": p["d/0/vectors"][:-2]}),
        "archive-content",
    ),
    "vectors that are none": (
        lambda _d, p: resealed({**p, "d/0/vectors": b"\xff" * len(p["d/0/vectors"])}),
        "archive-content",
    ),
    "an original that is another": (
        lambda _d, p: resealed({**p, "d/0/original": b"# Other\n\nOther words.\n"}),
        "archive-content",
    ),
    "a passage that is none": (
        lambda _d, p: changed(p, "d/0/passages.jsonl", lambda line: line.update(boxes=[[1.0]])),
        "archive-content",
    ),
    "an extract that unpacks to more": (
        lambda _d, p: resealed({**p, "d/0/extract": archive_bomb()}),
        "archive-bounds",
    ),
}  # fmt: skip


def archive_bomb() -> bytes:
    import zlib

    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(10**6)) for _ in range(201)]
    return b"".join([*parts, packer.flush()])


def test_hostile_archives_are_refused_with_their_code_and_leave_nothing(
    documents: list[Document], collection: Collection, alice: User
) -> None:
    data = exported(alice, collection)
    parts, wrong = members(data), {}
    for name, (make, code) in HOSTILE.items():
        made = imported(alice, make(data, dict(parts)))
        if (made.status, made.error_code) != ("failed", code) or not nothing_is_left():
            wrong[name] = (made.status, made.error_code, code)
        Transfer.objects.filter(pk=made.pk).delete()
    assert not wrong
    assert imported(alice, resealed(parts)).status == "done", (
        "the last word is that a good one goes"
    )


def test_bombs_are_refused_by_what_they_declare_and_by_what_comes(
    documents: list[Document], collection: Collection, alice: User
) -> None:
    parts = members(exported(alice, collection))
    data = resealed(parts)
    total = sum(map(len, members(data).values()))
    reading.checked(io.BytesIO(data), total)
    with pytest.raises(ArchiveError, match="archive-bounds"):
        reading.checked(io.BytesIO(data), total - 1)
    # Two members that share their bytes.
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        first, second = file.infolist()[:2]
    place = data.rindex(second.filename.encode()) - 46 + 42
    shared = bytearray(data)
    shared[place : place + 4] = first.header_offset.to_bytes(4, "little")
    with pytest.raises(ArchiveError, match=r"archive-(bounds|damaged)"):
        reading.checked(io.BytesIO(bytes(shared)), MOST)
    # An index that says that it is longer than there are members.
    ended = bytearray(data)
    ended[-10:-6] = (2**31).to_bytes(4, "little")
    with pytest.raises(ArchiveError, match="archive-bounds"):
        reading.checked(io.BytesIO(bytes(ended)), MOST)


def test_an_index_that_is_hidden_behind_another_is_refused() -> None:
    """The library takes the record right before the locator, and not the one that it points to."""

    def record(count: int, length: int) -> bytes:
        return struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, 0)

    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    shown, used = record(1, 100), record(1, 2**40)
    data = shown + used + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + end
    with pytest.raises(ArchiveError, match="archive-damaged"):
        reading._require_index(io.BytesIO(data), len(data))


def test_an_archive_never_says_how_long_vectors_are_here(
    documents: list[Document], collection: Collection, alice: User
) -> None:
    """A new index has no vectors yet: with a length that its embedder has not, nobody could embed."""
    parts = members(exported(alice, collection))
    embedder = json.loads(parts["manifest.json"])["manifest"]["embedder"]
    index = indexes.active()
    for said in (7, embedder["dimension"]):
        Index.objects.filter(pk=index.pk).update(dimension=0)
        made = imported(alice, resealed(parts, embedder=embedder | {"dimension": said}))
        index.refresh_from_db()
        right = said == embedder["dimension"]
        assert made.status == "done" and made.counts["again"] == (0 if right else 5)
        assert index.dimension == (said if right else 0)


def test_origins_that_another_archive_said_tell_nothing_of_what_others_erased(
    documents: list[Document], collection: Collection, alice: User, admin: User
) -> None:
    """Taken in and exported again they would bear our signature."""
    parts = members(exported(alice, collection))
    about = json.loads(parts["manifest.json"])["manifest"]["collection"]
    erase.erase_document(alice, documents[0])
    said = about | {"origins": [str(collection.pk), str(uuid4())]}
    made = imported(admin, resealed(parts, collection=said))
    assert (made.status, made.erased) == ("done", 0)


def test_passages_of_one_document_are_bounded(
    documents: list[Document], collection: Collection, alice: User, monkeypatch: Any
) -> None:
    parts = members(exported(alice, collection))
    monkeypatch.setattr(taking, "MOST_PASSAGES", 100)
    made = imported(alice, resealed(parts))
    assert (made.status, made.error_code) == ("failed", "archive-bounds")


def test_vectors_of_others_are_never_taken_over_elsewhere(
    documents: list[Document], collection: Collection, alice: User, monkeypatch: Any
) -> None:
    data = exported(alice, collection)
    monkeypatch.setattr("ingest.moving.reading._verified", lambda _: False)
    made = imported(alice, data)
    assert made.collection is not None
    rows = Chunk.objects.filter(document__collection=made.collection)
    assert {row.digest for row in rows} == {""} and all(row.vector for row in rows)


def test_what_was_unpacked_is_known_as_that_in_the_copy(
    put: Put, collection: Collection, alice: User, vectors: str
) -> None:
    inner = packed([("deep.txt", b"Words of the deepest.")])
    whole = packed([("a.txt", b"Words of a."), ("inner.zip", inner)])
    put("all.zip", whole)
    while waiting := Document.objects.filter(status="queued").first():
        process_document(waiting.pk)
    made = imported(alice, exported(alice, collection))
    assert (made.status, made.error_code) == ("done", "") and made.collection is not None
    rows = made.collection.documents.select_related("container")
    above = {row.name: row.container.name if row.container else "" for row in rows}
    assert above == {
        "all.zip": "",
        "a.txt": "all.zip",
        "inner.zip": "all.zip",
        "deep.txt": "inner.zip",
    }
    circle = members(exported(alice, collection))
    lines = [json.loads(line) for line in circle["documents.jsonl"].splitlines()]
    numbers = {line["name"]: line["number"] for line in lines}
    lines[[line["name"] for line in lines].index("all.zip")]["container"] = numbers["inner.zip"]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    made = imported(alice, resealed({**circle, "documents.jsonl": data}))
    assert (made.status, made.error_code) == ("failed", "archive-content")


class _Meanwhile(io.BytesIO):
    """An archive during whose arrival another one of the same person comes."""

    def __init__(self, other: Callable[[], object]) -> None:
        super().__init__(b"x")
        self._other = [other]

    def read(self, size: int | None = -1) -> bytes:
        while self._other:
            self._other.pop()()
        return super().read(size)


def test_too_many_that_come_at_the_same_time(alice: User) -> None:
    for _ in range(jobs.MOST_IMPORTS - 1):
        jobs.begin_import(alice, io.BytesIO(b"x"))
    with pytest.raises(Problem, match="too-many-imports"):
        jobs.begin_import(alice, _Meanwhile(lambda: jobs.begin_import(alice, io.BytesIO(b"x"))))
    assert Transfer.objects.count() == jobs.MOST_IMPORTS == len(list(files.folder().glob("*")))


def test_too_many_at_once_and_what_is_not_ones_own(
    alice: User, bob: User, django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(jobs.MOST_IMPORTS):
        made = jobs.begin_import(alice, io.BytesIO(b"x"))
    with pytest.raises(Problem) as refused:
        jobs.begin_import(alice, io.BytesIO(b"x"))
    assert refused.value.code == "too-many-imports"
    with pytest.raises(Http404):
        jobs.of(bob, made.pk, "import")
    with pytest.raises(Http404):
        jobs.of(alice, uuid4(), "import")
    with django_capture_on_commit_callbacks(execute=True):
        jobs.give_up(alice, made)
    assert not list(files.folder().glob(f"{made.pk.hex}*"))


# --- commands, calls, golden questions --------------------------------------------------------------


def test_the_command_waits_where_a_worker_was_faster(
    documents: list[Document],
    collection: Collection,
    alice: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beside an installation that runs, both are told of the import."""
    (tmp_path / "a.zip").write_bytes(exported(alice, collection))
    real, held = work.run, list[jobs.Claim]()

    def run(pk: Any) -> None:
        if not held:
            claim = jobs.take(pk)
            assert claim
            held.append(claim)
        elif held[0].held().update(status="queued", lease=None, lease_until=None):
            real(pk)

    monkeypatch.setattr(work, "run", run)
    monkeypatch.setattr("ingest.management.commands.import_collection.POLL_SECONDS", 0)
    out = StringIO()
    call_command("import_collection", str(tmp_path / "a.zip"), owner=alice.email, stdout=out)
    assert "done, 5 documents" in out.getvalue()
    held.clear()
    (tmp_path / "b.zip").write_bytes(b"No archive.")
    with pytest.raises(CommandError, match="archive-not-ours"):
        call_command("import_collection", str(tmp_path / "b.zip"), owner=alice.email)


def test_the_commands_and_a_passphrase(
    documents: list[Document], collection: Collection, alice: User, tmp_path: Path
) -> None:
    def said(*options: object, **named: Any) -> str:
        out = StringIO()
        call_command(*map(str, options), stdout=out, **named)
        return out.getvalue()

    plain, locked, words = tmp_path / "a.zip", tmp_path / "b.zip", tmp_path / "words"
    words.write_text("correct horse battery\n")
    assert "not encrypted" in said("export_collection", collection.pk, plain)
    said("export_collection", collection.pk, locked, passphrase_file=words)
    assert plain.stat().st_mode & 0o077 == 0 and b"canteen" not in locked.read_bytes()
    with pytest.raises(CommandError, match="is there already"):
        said("export_collection", collection.pk, plain)
    with pytest.raises(CommandError, match="archive-locked"):
        said("import_collection", locked, owner=alice.email)
    wrong = tmp_path / "wrong"
    wrong.write_text("another horse battery\n")
    with pytest.raises(CommandError, match="archive-locked"):
        said("import_collection", locked, owner=alice.email, passphrase_file=wrong)
    assert "done, 5 documents" in said(
        "import_collection", locked, owner=alice.email, passphrase_file=words
    )
    erase.erase_document(alice, documents[0])
    with pytest.raises(CommandError, match="--with-erased 1"):
        said("import_collection", plain, owner=alice.email)
    assert "5 documents" in said("import_collection", plain, owner=alice.email, with_erased=1)
    plain.write_bytes(plain.read_bytes()[:-30])
    with pytest.raises(CommandError, match="archive-damaged"):
        said("import_collection", plain, owner=alice.email)


def test_the_calls(
    documents: list[Document],
    collection: Collection,
    alice: User,
    bob: User,
    api_for: Callable[..., Any],
) -> None:
    api, base = api_for(alice), f"/api/v1/collections/{collection.pk}/export"
    made = api.post(base).json()
    assert made["status"] == "queued" and api_for(bob).get(base).status_code == 403
    work.run(made["id"])
    told = api.get(f"/api/v1/exports/{made['id']}").json()
    assert told["status"] == "done" and told["ends_at"]
    answer = api.get(f"/api/v1/exports/{made['id']}/content")
    data = b"".join(answer.streaming_content)
    assert hashlib.sha256(data).hexdigest() == told["sha256"]
    assert len(data) == int(answer["Content-Length"]) == told["bytes"]
    assert api_for(bob).get(f"/api/v1/exports/{made['id']}/content").status_code == 404
    file = ContentFile(data, "a.zip")
    sent = api_for(bob).post("/imports", {"file": file}, content_type=MULTIPART_CONTENT)
    assert sent.status_code == 202


@pytest.mark.parametrize("is_admin", [True, False])
def test_golden_questions_go_along_for_administrators(
    documents: list[Document], collection: Collection, admin: User, bob: User, is_admin: bool
) -> None:
    collection.grants.create(user=admin, role="manager")
    found = create_set(admin, name="Leave", collections=[collection.pk])
    line = {"id": "q1", "question": "How many days of annual leave?", "answer": "28"}
    quote = {"file": "notes/0.md", "quote": "Every employee has 28 days of annual leave per year."}
    import_questions(admin, found, json.dumps({**line, "evidence": [quote]}).encode(), "jsonl")
    data = exported(admin, collection)
    assert "parts/questions.jsonl" in members(data)
    made = imported(admin if is_admin else bob, data)
    assert made.status == "done" and made.counts["questions"] == (1 if is_admin else 0)
    assert Question.objects.filter(set__collections=made.collection).count() == int(is_admin)


def test_who_may_not_see_golden_questions_takes_none_along(
    documents: list[Document], collection: Collection, admin: User, alice: User
) -> None:
    collection.grants.create(user=admin, role="reader")
    found = create_set(admin, name="Leave", collections=[collection.pk])
    quote = {"file": "notes/0.md", "quote": "Every employee has 28 days of annual leave per year."}
    line = {"id": "q1", "question": "How many days?", "answer": "28", "evidence": [quote]}
    import_questions(admin, found, json.dumps(line).encode(), "jsonl")
    assert "parts/questions.jsonl" not in members(exported(alice, collection))
