"""Archives made to write elsewhere, to grow without end, or to carry letters that databases refuse."""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest
from django.conf import settings as installed
from pytest_django import Settings

from ingest.models import Document
from tests.ingest.conftest import Put
from tests.ingest.conftest import put as put  # the fixture
from tests.ingest.test_archives import opened, packed
from tests.parsing.files import code_of

pytestmark = pytest.mark.django_db

HOSTILE = [
    "../../../../tmp/sovereign-attack-1",
    "/tmp/sovereign-attack-2",  # noqa: S108 (nothing may come to be there)
    "..\\..\\tmp\\sovereign-attack-3",
    "a/../../../sovereign-attack-4",
    "C:/sovereign-attack-5",
    "~/sovereign-attack-6",
    "$HOME/sovereign-attack-7",
    "`touch sovereign-attack-8`",
    "file:///tmp/sovereign-attack-9",
]


def test_no_name_inside_is_ever_a_path(put: Put) -> None:
    archive = put("a.zip", packed({name: f"Words of {name}." for name in HOSTILE})).document
    assert opened(archive).taken == len(HOSTILE)
    media = Path(installed.MEDIA_ROOT)
    names = {file.name for file in media.rglob("*") if file.is_file()}
    assert not [name for name in names if "attack" in name]
    assert {each.pk.hex for each in Document.objects.all()} <= names
    for folder in (Path("/tmp"), Path("/"), Path.cwd(), Path.home()):  # noqa: S108
        assert not list(folder.glob("sovereign-attack-*"))
    for member in archive.members.all():
        assert ".." not in member.path.split("/")
        assert member.path.split("/")[0] == "a"


def test_names_of_letters_that_databases_refuse(put: Put) -> None:
    names = [b"a\x01b.exe", b"a\xed\xa0\x80b.exe", b"\xe2\x80\xaegpj.exe", b"<b>&amp;.exe"]
    data = packed({f"{n}" * len(name): b"MZ\x90\0" * 99 for n, name in enumerate(names)})
    for number, name in enumerate(names):
        data = data.replace(str(number).encode() * len(name), name)
    archive = put("a.zip", data).document
    assert code_of(opened, archive) == "no-files"
    archive.refresh_from_db()
    kept = json.dumps(archive.reading, ensure_ascii=False)
    assert len(archive.reading["refused"]) == len(names)
    kept.encode("utf-8")
    assert not set(kept) & set("\x00\x01\u202e")


def overlapping(data: bytes, times: int) -> bytes:
    """An archive of `times` files that are all the same bytes of it."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body, check = squeeze.compress(data) + squeeze.flush(), zlib.crc32(data)
    sizes = (check, len(body), len(data))
    out = bytearray(struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, *sizes, 5, 0))
    out += b"00000" + body
    start = len(out)
    for number in range(times):
        head = (0x02014B50, 20, 20, 0, 8, 0, 0, *sizes, 5, 0, 0, 0, 0, 0, 0)
        out += struct.pack("<IHHHHHHIIIHHHHHII", *head) + b"%05d" % number
    size = len(out) - start
    return bytes(out + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, times, times, size, start, 0))


def test_files_that_share_their_bytes_are_counted_each(put: Put, settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    text = b"".join(b"Line %d of many words.\n" % number for number in range(38_000))
    assert 900_000 < len(text) < 1_000_000
    archive = put("a.zip", overlapping(text, 40)).document
    found = opened(archive)
    assert found.taken * len(text) <= 10_000_000
    assert {each.code for each in found.refused} <= {"archive-too-large", "damaged"}
    assert found.taken + len(found.refused) == 40
    assert archive.members.count() <= 1


def test_a_file_that_grows_more_than_text_does(put: Put) -> None:
    archive = put(
        "a.zip", packed({"zeros.txt": bytes(8 << 20), "good.txt": "Good words."})
    ).document
    (refused,) = opened(archive).refused
    assert (refused.name, refused.code) == ("zeros.txt", "archive-too-large")


def test_an_archive_that_lies_about_sizes(put: Put) -> None:
    data = bytearray(packed({"a.txt": Random(1).randbytes(5_000), "b.txt": "Good words."}))
    entry = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 100)  # what it says that it unpacks to
    archive = put("a.zip", bytes(data)).document
    found = opened(archive)
    assert [(each.name, each.code) for each in found.refused] == [("a.txt", "damaged")]


def test_an_archive_that_holds_itself_ends(put: Put, settings: Settings) -> None:
    """As near to one as can be made here: the same archive again in each of many."""
    inner = packed({"a.txt": "Words."})
    middle = packed({f"{n}.zip": inner for n in range(20)})
    archive = put("a.zip", packed({f"{n}.zip": middle for n in range(20)})).document
    opened(archive)
    opened(archive.members.get())
    assert Document.objects.count() == 3, "the same bytes are one document"


def test_a_directory_larger_than_what_is_read(put: Put) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for number in range(3_000):
            out.writestr(f"{number}" + "x" * 900, b"")
    from ingest.upload import UploadRefused

    with pytest.raises(UploadRefused) as caught:
        put("a.zip", buffer.getvalue())
    assert caught.value.code == "archive-too-large"
