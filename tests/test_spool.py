"""What a request brings is kept, in order, and nobody else can read it where it lies."""

import os
import tempfile
from pathlib import Path
from typing import IO, Any, cast

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from sovereign.asgi import application
from sovereign.spool import Spool, SpoolingHandler, SpoolUploadHandler

CANARY = b"kestrel-lantern-4417 "


def file_of(spool: Spool) -> int:
    return spool._file.fileno()


@pytest.mark.parametrize("most", [0, 10, 1_000, 10_000_000])
def test_what_is_written_is_read_from_any_place(most: int) -> None:
    data = os.urandom(200_003)
    with Spool(most) as spool:
        for start in range(0, len(data), 7_919):
            spool.write(data[start : start + 7_919])
        assert spool.tell() == len(data)
        for place in (0, 1, 15, 16, 17, 100_000, len(data) - 3):
            spool.seek(place)
            assert spool.read(5_000) == data[place : place + 5_000]
        spool.seek(-9, os.SEEK_END)
        assert spool.readall() == data[-9:]
        spool.seek(0)
        assert spool.readall() == data


def test_it_is_written_at_its_end_alone() -> None:
    with Spool(0) as spool:
        spool.write(b"28 days")
        spool.seek(0)
        with pytest.raises(OSError, match="at its end"):
            spool.write(b"31")


def test_on_the_disk_it_has_no_name_and_is_noise(tmp_path: Path, settings: object) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)  # type: ignore[attr-defined]
    with Spool(100) as spool:
        spool.write(CANARY * 10_000)
        assert list(tmp_path.iterdir()) == []
        size = os.fstat(file_of(spool)).st_size
        assert size == len(CANARY) * 10_000
        assert CANARY not in os.pread(file_of(spool), size, 0)


def test_little_stays_in_memory() -> None:
    with Spool(100) as spool:
        spool.write(b"28 days")
        with pytest.raises(OSError, match="fileno"):
            file_of(spool)


async def test_the_body_of_a_request_is_a_spool() -> None:
    parts = [CANARY * 100_000, CANARY * 100_000, b"end"]

    async def receive() -> dict[str, object]:
        body = parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(parts)}

    with await SpoolingHandler().read_body(receive) as body:
        size = os.fstat(file_of(body)).st_size
        assert CANARY not in os.pread(file_of(body), size, 0)
        assert body.readall() == CANARY * 200_000 + b"end"


def test_the_web_process_uses_it() -> None:
    innermost: Any = application
    while hasattr(innermost, "_app"):
        innermost = innermost._app
    assert isinstance(innermost, SpoolingHandler)
    assert settings.FILE_UPLOAD_HANDLERS[-1].endswith(SpoolUploadHandler.__name__)


def test_a_large_file_of_a_form_lies_in_a_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    # Other processes have files in the folder of the machine.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings.FILE_UPLOAD_TEMP_DIR = None  # type: ignore[attr-defined]
    data = CANARY * 200_000
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("a.txt", data)})
    file: Any = request.FILES["file"]
    assert list(tmp_path.iterdir()) == []
    assert isinstance(file.file, Spool) and file.size == len(data)
    assert b"".join(file.chunks()) == data
    assert CANARY not in os.pread(file_of(file.file), 100_000, 0)
    request.close()
    assert file.file.closed


def test_a_request_is_read_from_it_line_by_line() -> None:
    spool = Spool(0)
    spool.write(b"one\ntwo\n")
    spool.seek(0)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    assert ASGIRequest(scope, cast("IO[bytes]", spool)).readlines() == [b"one\n", b"two\n"]
