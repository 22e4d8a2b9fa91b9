"""A body that is too large is refused before anything of it is stored."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts.models import User
from accounts.tokens import create_token
from sovereign.bodylimit import BodyLimit
from sovereign.callers import is_known
from tests import people


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body to its end, then answers with its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def answered(
    parts: list[bytes],
    announced: int | None,
    path: str = "/api/v1/collections/1/documents",
    *,
    known: bool = True,
) -> tuple[int, bytes]:
    async def is_known(_scope: Any) -> bool:
        return known

    waiting = [
        {"type": "http.request", "body": part, "more_body": n < len(parts)}
        for n, part in enumerate(parts, 1)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    limited = BodyLimit(app, 100, 10, is_known)
    await limited({"type": "http", "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("announced", [100, None])
async def test_what_fits_passes(announced: int | None) -> None:
    assert await answered([b"x" * 60, b"x" * 40], announced) == (200, b"100")


@pytest.mark.parametrize(
    ("announced", "parts"), [(101, [b""]), (None, [b"x" * 60, b"x" * 41]), (5, [b"x" * 200])]
)
async def test_what_does_not_fit_is_refused_in_words(
    announced: int | None, parts: list[bytes]
) -> None:
    status, body = await answered(parts, announced)
    assert status == 413
    assert json.loads(body)["code"] == "too-large"


@pytest.mark.parametrize("announced", [60, None])
@pytest.mark.parametrize(
    ("path", "known", "status"),
    [
        ("/api/v1/collections/1/documents", False, 401),
        ("/collections/1/upload", False, 403),
        ("/collections/1/upload", True, 200),
        ("/accounts/sign-in/", True, 413),
        ("/api/v1/tokens", True, 413),
        ("/x/collections/1/upload", True, 413),
    ],
)
async def test_only_uploads_of_known_people_may_be_large(
    announced: int | None, path: str, known: bool, status: int
) -> None:
    assert (await answered([b"x" * 60], announced, path, known=known))[0] == status
    assert await answered([b"x" * 10], announced and 10, path, known=known) == (200, b"10")


async def _is_known(**headers: str) -> bool:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw}
    return await is_known(scope)


@pytest.mark.django_db(transaction=True)
async def test_who_is_known() -> None:
    bob = await sync_to_async(people.make_user)("Bob")
    secret = (await sync_to_async(create_token)(bob)).secret
    client = Client()
    await sync_to_async(client.force_login)(bob, backend="accounts.backends.EmailBackend")
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    assert await _is_known(authorization=f"Bearer {secret}")
    assert await _is_known(cookie=cookie)
    assert not await _is_known(cookie="sessionid=forged")
    assert not await _is_known(authorization="Bearer forged", cookie=cookie)
    assert not await _is_known()
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    assert not await _is_known(cookie=cookie)
    assert not await _is_known(authorization=f"Bearer {secret}")
