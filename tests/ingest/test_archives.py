"""Archives as folders: real archives through the real child into real documents."""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from audit.problems import Problem
from ingest import erase
from ingest.archives import Unpacked, place_of, unpack
from ingest.claims import LeaseLost
from ingest.guard import safe_name
from ingest.models import Collection, Document, Grant, Hold, Receipt
from ingest.parsers.base import ParseError
from ingest.parsers.registry import TEXT, ZIP
from ingest.pipeline import process_document
from ingest.upload import upload
from tests.ingest import clamd
from tests.ingest.conftest import Add, Put
from tests.parsing.files import code_of

pytestmark = pytest.mark.django_db


def packed(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return buffer.getvalue()


def opened(document: Document, check: Callable[[], None] = lambda: None) -> Unpacked:
    document = Document.objects.select_related("collection", "uploaded_by").get(pk=document.pk)
    return unpack(document, check, lambda done, total: None)


def places(archive: Document | None = None) -> dict[str, str]:
    """Path and name to media type, of the members of an archive or of all documents."""
    found = archive.members if archive else Document.objects
    return {f"{each.path}/{each.name}": each.media_type for each in found.all()}


def ready(document: Document) -> None:
    """As the pipeline leaves it, its older versions gone."""
    Document.objects.filter(pk=document.pk).update(status="ready", ready_at=timezone.now())
    document.refresh_from_db()
    erase.supersede(document)


def test_each_file_becomes_a_document_in_the_archives_folder(put: Put, alice: User) -> None:
    data = packed(
        {"top.txt": "Top words.", "a/b/deep.txt": "Deep words.", "a/": "", ".DS_Store": "x"}
    )
    archive = put("Papers 2024.ZIP", data, path="Office").document
    assert archive.media_type == ZIP
    assert opened(archive) == Unpacked(2, [])
    assert places(archive) == {
        "Office/Papers 2024/top.txt": TEXT,
        "Office/Papers 2024/a/b/deep.txt": TEXT,
    }
    assert {each.uploaded_by for each in archive.members.all()} == {alice}
    assert {each.status for each in archive.members.all()} == {"queued"}


def test_doing_it_again_doubles_nothing(put: Put) -> None:
    archive = put("a.zip", packed({"a.txt": "Some words.", "b.txt": "Other words."})).document
    first = opened(archive)
    before = set(archive.members.values_list("pk", "path", "name", "version"))
    assert opened(archive) == first
    assert set(archive.members.values_list("pk", "path", "name", "version")) == before


def test_a_worker_that_is_killed_in_the_middle(put: Put) -> None:
    archive = put("a.zip", packed({f"{n}.txt": f"Words of {n}." for n in range(5)})).document
    left = iter([None, None, None])

    def check() -> None:
        try:
            next(left)
        except StopIteration:
            raise LeaseLost from None

    with pytest.raises(LeaseLost):
        opened(archive, check)
    assert 0 < archive.members.count() < 5
    assert opened(archive).taken == 5
    assert archive.members.count() == 5
    assert set(archive.members.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "x/a/etc/passwd"),
        ("/etc/cron.d/job", "x/a/etc/cron.d/job"),
        ("C:\\Users\\me\\plan.txt", "x/a/Users/me/plan.txt"),
        ("\\\\server\\share\\f.txt", "x/a/server/share/f.txt"),
        ("a\u202e/b\x07c/d.txt", "x/a/a/bc/d.txt"),
        ("con/aux.txt", "x/a/_con/_aux.txt"),
        ("./././f", "x/a/f"),
        ("...", "x/a/document"),
        ("", "x/a/document"),
    ],
)
def test_names_inside_are_no_paths(name: str, expected: str) -> None:
    assert "/".join(place_of(Document(path="x", name="a.zip"), name)) == expected


@given(st.text(max_size=80), st.text(max_size=30))
def test_any_name_has_a_place_below_the_archive(name: str, archive: str) -> None:
    folder, last = place_of(Document(path="top", name=safe_name(archive + ".zip")), name)
    assert folder.startswith("top/")
    assert last == safe_name(last)
    assert ".." not in folder.split("/")
    assert not set(folder + last) & set('\\\0\n:"|?*')


def test_the_same_name_twice_is_two_documents(put: Put) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out, pytest.warns(UserWarning, match="Duplicate"):
        for text in ("First words.", "Second words.", "Third words."):
            out.writestr("a.txt", text)
    archive = put("x.zip", buffer.getvalue()).document
    assert opened(archive).taken == 3
    assert set(places(archive)) == {"x/a.txt", "x/a (2).txt", "x/a (3).txt"}
    assert set(archive.members.values_list("version", flat=True)) == {1}
    opened(archive)
    assert archive.members.count() == 3


def test_what_is_refused_is_listed_with_its_reason(put: Put, settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    data = bytearray(
        packed(
            {
                "good.txt": "Good words.",
                "d/tool.exe": b"MZ\x90\0" + bytes(range(256)) * 4,
                "empty.txt": "",
                "big.txt": b"word " * 300_000,
                "locked.txt": "Secret.",
            }
        )
    )
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    archive = put("a.zip", bytes(data)).document
    assert opened(archive).taken == 1
    archive.refresh_from_db()
    assert [(each["name"], each["code"]) for each in archive.reading["refused"]] == [
        ("d/tool.exe", "unsupported-format"),
        ("empty.txt", "empty-file"),
        ("big.txt", "file-too-large"),
        ("locked.txt", "encrypted"),
    ]
    assert all(each["detail"].endswith(".") for each in archive.reading["refused"])
    (notice,) = archive.warnings
    assert (notice["code"], notice["count"], notice["total"]) == ("parts-not-read", 4, 5)
    assert archive.notices[0]["detail"].startswith("4 of 5 files inside were not read (d/tool.exe,")


def test_an_archive_of_which_nothing_is_taken_fails_and_says_why(put: Put) -> None:
    archive = put("a.zip", packed({"a.exe": b"MZ\x90\0" + bytes(range(256)) * 4})).document
    assert code_of(opened, archive) == "no-files"
    archive.refresh_from_db()
    assert archive.reading["refused"][0]["name"] == "a.exe"
    only_junk = put("b.zip", packed({"__MACOSX/._a": "x", "d/": ""})).document
    assert code_of(opened, only_junk) == "no-files"


def test_too_many_files(put: Put, settings: Settings) -> None:
    settings.MAX_ARCHIVE_FILES = 3
    archive = put("a.zip", packed({f"{n}.txt": f"Words {n}." for n in range(4)})).document
    assert code_of(opened, archive) == "too-many-files"
    assert not archive.members.exists()


def test_many_files_wait_for_their_turn_among_slow_work(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or two archives would keep all workers from everybody's other files."""
    monkeypatch.setattr("ingest.pipeline.QUICK_FILES", 2)
    document = put("a.zip", packed({f"{n}.txt": f"Words of {n}." for n in range(3)})).document
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.lane, document.stage) == ("queued", "slow", "unpack")
    assert not document.members.exists()
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.members.count()) == ("ready", 3)


def test_archives_in_an_archive_share_its_bytes(put: Put, settings: Settings) -> None:
    """Or a few kilobytes of archives in archives would fill the disk."""
    settings.MAX_UPLOAD_MB = 1
    inner = [
        packed({f"{n}.txt": f"Words {box} {n}. ".encode() * 80_000 for n in range(6)})
        for box in range(2)
    ]
    document = put("all.zip", packed({"0.zip": inner[0], "1.zip": inner[1]})).document
    assert opened(document).taken == 2
    first, second = document.members.order_by("name")
    assert opened(first).taken == 6
    found = opened(second)
    assert found.taken == 5
    assert [each.code for each in found.refused] == ["archive-too-large"]
    assert opened(second) == found


def test_archives_in_archives_to_a_depth(put: Put) -> None:
    data = packed({"0.txt": "Innermost words."})
    for level in range(1, 5):
        data = packed({f"{level}.zip": data, f"{level}.txt": f"Words of level {level}."})
    document = put("all.zip", data).document
    for level in range(4, 0, -1):
        assert opened(document).taken == 2
        document = document.members.get(media_type=ZIP)
        assert document.name == f"{level}.zip"
    assert document.path == "all/4/3/2"
    assert code_of(opened, document) == "archive-too-deep"


@pytest.mark.long
def test_archives_in_an_archive_share_its_number_of_files(put: Put, settings: Settings) -> None:
    settings.MAX_ARCHIVE_FILES = 5
    inner = {
        f"{n}.zip": packed({f"{n}-{k}.txt": f"Words {n} {k}." for k in range(3)}) for n in "ab"
    }
    archive = put("all.zip", packed(inner)).document
    assert opened(archive).taken == 2
    first, second = archive.members.order_by("name")
    assert opened(first).taken == 3
    assert code_of(opened, second) == "too-many-files"
    assert opened(first).taken == 3, "again: its own files count once"


def test_a_file_that_was_there_before_stays_where_it_is(put: Put) -> None:
    before = put("known.txt", "Known words.", path="Elsewhere").document
    archive = put("a.zip", packed({"in.txt": "Known words.", "new.txt": "New words."})).document
    assert opened(archive).taken == 2
    before.refresh_from_db()
    archive.refresh_from_db()
    assert (before.path, before.name, before.container) == ("Elsewhere", "known.txt", None)
    assert set(places(archive)) == {"a/new.txt"}
    assert archive.notices == [
        {
            "code": "parts-known",
            "detail": "1 of 2 files inside was in the collection before and stays there (in.txt).",
        }
    ]


def test_a_new_version_of_an_archive_keeps_what_is_the_same(put: Put) -> None:
    same, gone = {"same.txt": "Same words."}, {"gone.txt": "Old words."}
    first = put("a.zip", packed(same | gone | {"changed.txt": "Before."})).document
    opened(first)
    ready(first)
    kept = first.members.get(name="same.txt")
    second = put("a.zip", packed(same | {"changed.txt": "After."})).document
    assert second.version == 2
    assert opened(second) == Unpacked(2, [])
    ready(second)
    assert erasing() == {"a.zip", "gone.txt"}
    before, after = Document.objects.filter(name="changed.txt").order_by("version")
    assert before.status == "queued", "answers fall into no gap"
    assert before.container_id == second.pk, "and it goes with the archive, if that goes first"
    ready(after)
    living = Document.objects.exclude(status="erasing")
    assert set(living.values_list("name", flat=True)) == {"a.zip", "same.txt", "changed.txt"}
    kept.refresh_from_db()
    assert (kept.status, kept.container_id, kept.version) == ("queued", second.pk, 1)
    assert living.get(name="changed.txt").version == 2


def test_a_new_version_with_an_archive_in_it(put: Put) -> None:
    def outer(word: str) -> bytes:
        inner = packed(
            {"same.txt": "The same words.", "changed.txt": f"Changed {word}.", f"{word}.txt": word}
        )
        return packed({"in.zip": inner})

    documents = []
    for word in ("before", "after"):
        archive = put("a.zip", outer(word)).document
        opened(archive)
        inner = archive.members.get(name="in.zip")
        opened(inner)
        documents += [archive, inner]
        if word == "before":
            ready(archive)
            ready(inner)
    ready(documents[2])
    assert erasing() == {"a.zip"}
    ready(documents[3])
    assert erasing() == {"a.zip", "in.zip", "before.txt"}
    assert Document.objects.get(name="same.txt").container_id == documents[3].pk
    assert Document.objects.filter(name="changed.txt", status="queued").count() == 2


def test_through_the_whole_flow(add: Add) -> None:
    """The archive is ready without a passage of its own; its files are ready and have theirs."""
    inner = packed({"deep.txt": "The vault opens at nine in the morning."})
    archive = add("a.zip", packed({"top.txt": "Thirty days of leave a year.", "in.zip": inner}))
    assert (archive.status, archive.chunk_count, archive.error_code) == ("ready", 0, "")
    assert archive.reading["files"] == {"taken": 2, "refused": 0}
    for name in ("top.txt", "in.zip", "deep.txt"):
        process_document(Document.objects.get(name=name).pk)
    assert set(Document.objects.values_list("status", flat=True)) == {"ready"}
    assert Document.objects.get(name="deep.txt").chunk_count == 1
    empty = add("b.zip", packed({"a.exe": b"MZ\x90\0" + bytes(range(256)) * 4}))
    assert (empty.status, empty.error_code) == ("failed", "no-files")
    assert empty.reading["refused"][0]["code"] == "unsupported-format"


# --- who may, and what stops it -----------------------------------------------------------------


def test_whoever_lost_the_right_adds_nothing(put: Put, alice: User, collection: Collection) -> None:
    archive = put("a.zip", packed({"a.txt": "Words."})).document
    Grant.objects.filter(collection=collection).delete()
    assert code_of(opened, archive) == "forbidden"
    assert not archive.members.exists()


def test_a_scanner_that_is_away_keeps_the_archive_waiting(put: Put, settings: Settings) -> None:
    archive = put("a.zip", packed({"a.txt": "Words."})).document
    settings.CLAMD = "unix:/nowhere"
    with pytest.raises(ParseError, match="scanner-unavailable") as caught:
        opened(archive)
    assert not caught.value.permanent


def test_each_file_passes_the_scanner(
    put: Put, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = put("a.zip", packed({"a.txt": "Words of a.", "b.txt": "Words of b."})).document
    with clamd.small(Path(os.path.relpath(tmp_path_factory.mktemp("s")))) as server:
        settings.CLAMD = server.address.replace("unix:", f"unix:{Path.cwd()}/")
        server.answer = b"stream: Own.Test FOUND\0"
        assert code_of(opened, archive) == "no-files"
    assert server.received == [b"Words of a.", b"Words of b."]
    archive.refresh_from_db()
    assert {each["code"] for each in archive.reading["refused"]} == {"malware-found"}


# --- erasing -------------------------------------------------------------------------------------


def nested(put: Put) -> Document:
    archive = put(
        "a.zip", packed({"a.txt": "Words.", "in.zip": packed({"b.txt": "More."})})
    ).document
    opened(archive)
    opened(archive.members.get(name="in.zip"))
    return archive


def erasing() -> set[str]:
    return set(Document.objects.filter(status="erasing").values_list("name", flat=True))


def test_erasing_an_archive_erases_its_files_with_receipts(put: Put, alice: User) -> None:
    outside = put("other.txt", "Outside.").document
    archive = nested(put)
    receipt = erase.erase_document(alice, archive)
    assert receipt.document_id == archive.pk
    assert erasing() == {"a.zip", "a.txt", "in.zip", "b.txt"}
    assert Receipt.objects.count() == 4
    outside.refresh_from_db()
    assert outside.status == "queued"


def test_a_hold_on_one_file_keeps_the_archive(put: Put, alice: User) -> None:
    archive = nested(put)
    deepest = Document.objects.get(name="b.txt")
    Hold.objects.create(target=Hold.Target.DOCUMENT, target_id=deepest.pk, reference="C-1")
    with pytest.raises(Problem) as caught:
        erase.erase_document(alice, archive)
    assert caught.value.code == "on-hold"
    assert erasing() == set()
    assert not Receipt.objects.exists()


def test_a_file_does_not_come_out_of_an_archive_that_is_being_erased(
    put: Put, alice: User, collection: Collection
) -> None:
    archive = put("a.zip", packed({"a.txt": "Words.", "b.txt": "Other words."})).document
    calls: list[UUID] = []

    def check() -> None:
        calls.append(archive.pk)
        if len(calls) == 2:
            erase.erase_document(alice, archive)

    with pytest.raises(LeaseLost):
        opened(archive, check)
    assert erasing() == {"a.zip", "a.txt"}
    assert Document.objects.count() == 2


def test_erasing_one_file_leaves_its_archive(put: Put, alice: User) -> None:
    archive = nested(put)
    erase.erase_document(alice, Document.objects.get(name="a.txt"))
    assert erasing() == {"a.txt"}
    archive.refresh_from_db()
    assert archive.status == "queued"


def test_an_upload_by_the_system_goes_on_as_the_system(collection: Collection) -> None:
    file = ContentFile(packed({"a.txt": "Words."}), "a.zip")
    archive = upload(None, collection, file, name="a.zip").document
    assert opened(archive).taken == 1
