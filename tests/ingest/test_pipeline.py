"""From queued to ready, and every other end."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.utils import timezone
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from audit import actions, refused
from audit.models import Entry
from inference.client import get_client
from ingest import claims, lexical, recover, store
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Receipt
from ingest.pipeline import process_document
from tests.ingest.conftest import Add, Put, held_vectors
from tests.parsing.test_sandbox import child

pytestmark = pytest.mark.django_db

LEAVE = """# Annual leave

## Entitlement

Every employee has 28 days of annual leave per year.

## Form

Hand in form GS-13/b before you go.
"""


def pdf(text: str, password: str = "") -> bytes:
    """One page of text."""
    plain = BytesIO()
    page = Canvas(plain)
    page.drawString(72, 720, text)
    page.save()
    if not password:
        return plain.getvalue()
    writer, locked = PdfWriter(clone_from=PdfReader(plain)), BytesIO()
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(locked)
    return locked.getvalue()


def dense(question: str, collection: Collection) -> list[store.Hit]:
    return store.search(
        get_client().embed_queries([question])[0], [collection.id], 5, index=active()
    )


def index_size(collection: Collection) -> int:
    return held_vectors(collection.id)


def test_a_document_becomes_ready_and_is_found_by_words_and_by_meaning(
    add: Add, collection: Collection
) -> None:
    document = add("leave.md", LEAVE)
    assert (document.status, document.error_code) == ("ready", "")
    assert document.progress == 1 and document.stage == "" and document.lease is None
    assert document.title == "Annual leave" and document.language == "en"
    chunks = list(document.chunks.all())
    assert len(chunks) == document.chunk_count > 0
    assert all(chunk.index == active() and len(chunk.digest) == 64 for chunk in chunks)
    assert "28 days" in Chunk.objects.get(pk=dense("annual leave days", collection)[0].chunk).text
    found = lexical.search("Where is form GS-13/b?", [collection.id], 5, index=active().pk)
    assert "GS-13/b" in Chunk.objects.get(pk=found[0].chunk).text
    assert index_size(collection) == len(chunks)
    assert (
        Entry.objects.filter(action=actions.DOCUMENT_READY, target_id=str(document.pk)).count() == 1
    )


def test_a_second_delivery_does_nothing(add: Add) -> None:
    document = add("leave.md", LEAVE)
    process_document(document.pk)
    process_document(uuid4())
    again = Document.objects.get(pk=document.pk)
    assert again.attempts == 1 and again.ready_at == document.ready_at


def test_an_attempt_after_a_crash_leaves_nothing_double(
    add: Add, put: Put, collection: Collection
) -> None:
    document = add("leave.md", LEAVE)
    before = set(document.chunks.values_list("id", flat=True))
    # As a kill between the last vector and `ready` leaves it.
    Document.objects.filter(pk=document.pk).update(
        status="processing",
        lease=uuid4(),
        lease_until=timezone.now() - timedelta(seconds=1),
        ready_at=None,
    )
    assert dense("annual leave", collection) == []
    assert lexical.search("annual leave", [collection.id], 5, index=active().pk), (
        "it is found by its words meanwhile"
    )
    assert recover.expired_leases() == 1
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready" and document.attempts == 2
    assert set(document.chunks.values_list("id", flat=True)) == before
    assert index_size(collection) == len(before)
    found = lexical.search("annual leave entitlement", [collection.id], 50, index=active().pk)
    assert len(found) == len({hit.chunk for hit in found})


def test_a_worker_that_dies_each_time_ends_as_worker_lost(put: Put, settings: object) -> None:
    document = put("leave.md", LEAVE).document
    for _ in range(3):
        assert claims.take(document.pk)
        Document.objects.filter(pk=document.pk).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )
        recover.expired_leases()
    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "worker-lost")
    assert "Try a simpler version" in document.error_detail


def test_a_live_lease_is_left_alone(put: Put) -> None:
    document = put("leave.md", LEAVE).document
    assert claims.take(document.pk)
    assert claims.take(document.pk) is None
    assert recover.expired_leases() == 0


def test_who_lost_the_lease_writes_nothing(put: Put) -> None:
    document = put("leave.md", LEAVE).document
    claim = claims.take(document.pk)
    assert claim
    Document.objects.filter(pk=document.pk).update(lease=uuid4())
    with pytest.raises(claims.LeaseLost):
        claim.renew(stage="store")
    assert claims.fail(claim.held(), "internal-error", "x") is False
    assert Document.objects.get(pk=document.pk).status == "processing"


def test_while_chroma_is_away_the_document_waits_and_no_attempt_is_lost(
    vectors: str, put: Put, settings: object, collection: Collection
) -> None:
    document = put("leave.md", LEAVE).document
    settings.CHROMA_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.attempts, document.error_code) == ("queued", 0, "")
    assert document.lease_until and document.lease_until > timezone.now()
    assert document.visible and lexical.search(
        "annual leave", [collection.id], 5, index=active().pk
    )
    settings.CHROMA_URL = vectors  # type: ignore[attr-defined]
    process_document(document.pk)
    assert Document.objects.get(pk=document.pk).status == "queued", "it rests for a while"
    Document.objects.update(lease_until=timezone.now())
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready"


def test_while_the_models_are_away_the_document_waits(put: Put, settings: object) -> None:
    settings.MODELS_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.attempts) == ("queued", 0)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("cut.pdf", pdf("Annual leave")[:400], "damaged"),
        ("locked.pdf", pdf("Annual leave", password="secret"), "encrypted"),
        ("picture.html", b"<html><body><img src='x.png'></body></html>", "no-text"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(
    add: Add, name: str, data: bytes, code: str
) -> None:
    document = add(name, data)
    assert (document.status, document.error_code) == ("failed", code)
    assert document.error_detail.endswith(".")
    entry = Entry.objects.get(action=actions.DOCUMENT_FAILED)
    assert entry.data["code"] == code and name not in str(entry.data)


def test_an_original_that_is_gone_says_so(put: Put) -> None:
    document = put("leave.md", LEAVE).document
    Path(document.file.path).unlink()
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "original-missing")


def test_a_new_version_replaces_the_old_one_when_it_is_ready(
    add: Add, put: Put, collection: Collection
) -> None:
    old = add("leave.md", LEAVE, path="people")
    new = put("leave.md", LEAVE.replace("28", "31"), path="people").document
    assert new.version == 2
    assert "28 days" in Chunk.objects.get(pk=dense("annual leave days", collection)[0].chunk).text
    process_document(new.pk)
    old.refresh_from_db()
    assert old.status == "erasing"
    texts = [Chunk.objects.get(pk=hit.chunk).text for hit in dense("annual leave days", collection)]
    assert any("31 days" in text for text in texts) and not any("28 days" in text for text in texts)
    assert Receipt.objects.get(document_id=old.pk).requested_by == old.uploaded_by


@pytest.mark.parametrize("ready", [True, False])
def test_the_version_that_came_last_stays(
    add: Add, put: Put, vectors: str, collection: Collection, ready: bool
) -> None:
    """The older one again, before the newer one was read: whoever sent it wants it back."""
    old = add("leave.txt", "28 days of leave.") if ready else put("leave.txt", "28 days.").document
    new = put("leave.txt", "30 days of leave.").document
    again = put("leave.txt", "28 days of leave." if ready else "28 days.")
    assert again.document == old and not again.created
    for document in (new, old):
        process_document(document.pk)
    left = Document.objects.exclude(status="erasing").get()
    assert (left.pk, left.status, left.visible, left.version) == (old.pk, "ready", True, 3)


def test_a_new_version_that_fails_leaves_the_old_one(add: Add) -> None:
    old = add("leave.html", "<html><body><p>Annual leave is 28 days.</p></body></html>")
    new = add("leave.html", "<html><body><img src='x.png'></body></html>")
    old.refresh_from_db()
    assert (old.status, new.status) == ("ready", "failed")


def test_an_archive_is_ready_when_its_files_wait_their_turn(
    add: Add, collection: Collection
) -> None:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("people/leave.md", LEAVE)
        archive.writestr("people/travel.md", "# Travel\n\nThe company pays for trains.")
    document = add("handbook.zip", data.getvalue())
    assert (document.status, document.error_code) == ("ready", "")
    assert not document.visible and document.chunk_count == 0
    assert document.reading["files"]["taken"] == 2 and document.reading["seconds"]["unpack"] >= 0
    members = list(Document.objects.filter(container=document))
    assert {member.status for member in members} == {"queued"}
    for member in members:
        process_document(member.pk)
    assert lexical.search("GS-13/b", [collection.pk], 5, index=active().pk)


def test_a_file_that_makes_its_reader_call_out_is_in_the_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, add: Add
) -> None:
    child(
        monkeypatch,
        tmp_path,
        """
        import contextlib, socket
        with contextlib.suppress(OSError):
            socket.create_connection(("127.111.111.111", 47), 1)
        from ingest.parsers.registry import parser_for
        return parser_for(media_type).parse(path, limits)
        """,
    )
    document = add("letter.txt", "Annual leave is 28 days.")
    assert document.status == "ready"
    assert refused.collect() == 1
    data = Entry.objects.get(action=actions.EGRESS_REFUSED).data
    assert (data["role"], data["host"], data["port"]) == ("parser", "127.111.111.111", 47)
    assert data["documents"] == [str(document.pk)]


def test_a_file_that_takes_long_to_read_makes_way_for_quick_ones(
    put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ingest.pipeline.QUICK_SECONDS", 0.5)
    document = put("slow.txt", "Read slowly.").document
    child(monkeypatch, tmp_path, "import time; time.sleep(3)")
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.lane, document.stage) == ("queued", "slow", "parse")
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "failed", (
        "among the slow ones it has its time: the child says nothing"
    )
