"""Encrypted originals through the whole flow: recognised, read, downloaded, and what goes wrong."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from ingest import files, keys, vault
from ingest.models import Document
from ingest.pipeline import process_document
from tests import people
from tests.ingest.conftest import Add, Put
from tests.parsing import files as made

pytestmark = pytest.mark.django_db

TEXT = f"Annual leave is 28 days. {people.CANARY}\n"


def download(user: User, document: Document) -> tuple[int, bytes]:
    answer: Any = people.Api(user).get(f"/documents/{document.pk}/content")
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, body


def damage(document: Document) -> None:
    file = Path(document.file.path)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def processed(document: Document) -> tuple[str, str]:
    process_document(document.pk)
    document.refresh_from_db()
    assert document.error_detail.endswith(".")
    return document.status, document.error_code


def test_an_encrypted_original_is_read_and_downloaded(add: Add, alice: User) -> None:
    # Of three segments, nearly all of it nothing that is read.
    text = f"<p>{TEXT}</p><!--{'leave' * (vault.SEGMENT // 2)}--><p>Meals cost 5 euros.</p>"
    document = add("leave.html", text)
    assert document.status == "ready" and document.bytes == len(text)
    assert vault.is_encrypted(Path(document.file.path).read_bytes()[:8])
    assert download(alice, document) == (200, text.encode())
    words = " ".join(document.chunks.values_list("text", flat=True))
    assert people.CANARY in words and "Meals cost" in words


def test_an_encrypted_office_file_is_recognised_and_read(add: Add, tmp_path: Path) -> None:
    document = add("leave.docx", made.word(tmp_path / "leave.docx").read_bytes())
    assert document.status == "ready" and document.media_type.endswith("wordprocessingml.document")


def test_a_child_gets_bytes_that_nobody_can_change(put: Put) -> None:
    document = put("leave.txt", TEXT).document
    with files.descriptor(document) as descriptor:
        place = Path(f"/proc/self/fd/{descriptor}")
        assert place.read_text() == TEXT
        assert str(place.readlink()).startswith("/memfd:")
        with pytest.raises(OSError), place.open("r+b") as opened:
            opened.write(b"other")
            opened.flush()


@pytest.mark.parametrize("trouble", ["key-missing", "original-damaged", "original-missing"])
def test_a_document_that_cannot_be_opened_says_why(put: Put, trouble: str) -> None:
    document = put("leave.txt", TEXT).document
    spoil(document, trouble)
    assert processed(document) == ("failed", trouble)


def spoil(document: Document, trouble: str) -> None:
    if trouble == "key-missing":
        keys.destroy(document.id)
    elif trouble == "original-damaged":
        damage(document)
    else:
        Path(document.file.path).unlink()


@pytest.mark.parametrize(
    ("trouble", "status"),
    [("key-missing", 503), ("original-damaged", 410), ("original-missing", 410)],
)
def test_a_download_that_cannot_be_whole_sends_no_byte(
    put: Put, alice: User, trouble: str, status: int
) -> None:
    document = put("leave.txt", TEXT * 60_000).document
    spoil(document, trouble)
    answered, body = download(alice, document)
    assert answered == status and trouble.encode() in body
    assert people.CANARY.encode() not in body
