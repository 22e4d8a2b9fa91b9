"""Downloads under ASGI: part by part, so that no file is held whole in memory."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import pytest
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient, AsyncRequestFactory, RequestFactory

from accounts.models import User
from compliance import person
from sovereign.middleware import PART, StreamedFilesMiddleware


class Counted(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


async def through(response: HttpResponseBase, request: HttpRequest) -> StreamingHttpResponse:
    async def view(_request: HttpRequest) -> HttpResponseBase:
        return response

    middleware = StreamedFilesMiddleware(view)
    return cast(StreamingHttpResponse, await middleware(request))  # type: ignore[misc]


async def test_a_file_is_read_as_it_goes() -> None:
    file = Counted(bytes(range(256)) * 4_096)
    response = await through(FileResponse(file), AsyncRequestFactory().get("/"))
    parts = aiter(response)
    assert await anext(parts) == file.getvalue()[:PART]
    assert file.taken <= 2 * PART
    assert file.getvalue()[:PART] + b"".join([part async for part in parts]) == file.getvalue()
    response.close()
    assert file.closed


async def test_what_is_asynchronous_already_is_left_alone() -> None:
    async def words() -> AsyncIterator[bytes]:
        yield b"a word"

    response = await through(StreamingHttpResponse(words()), AsyncRequestFactory().get("/"))
    assert [part async for part in response] == [b"a word"]


def test_other_servers_get_what_they_can_read() -> None:
    def words() -> Iterator[bytes]:
        yield b"a word"

    response = asyncio.run(through(StreamingHttpResponse(words()), RequestFactory().get("/")))
    assert list(response) == [b"a word"]


async def test_static_files_go_out_without_a_warning(settings: Any, tmp_path: Path) -> None:
    """Warnings are errors here: Django warns where it reads a stream to its end first."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "large.js").write_bytes(b"x" * 3 * PART)
    response: Any = await AsyncClient().get("/static/large.js")
    assert [len(part) async for part in response] == [PART] * 3


@pytest.mark.django_db(transaction=True)
def test_a_persons_own_data_goes_out_part_by_part(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "IN_MEMORY", 10)  # a file, then
    client = AsyncClient()
    client.force_login(alice, backend="accounts.backends.EmailBackend")

    async def fetched() -> bytes:
        response: Any = await client.post("/accounts/data")
        assert response["Content-Disposition"] == 'attachment; filename="my-data.zip"'
        assert response.streaming and response.is_async
        return b"".join([part async for part in response])

    assert "account.json" in ZipFile(io.BytesIO(asyncio.run(fetched()))).namelist()
