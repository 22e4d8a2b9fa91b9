"""Who sends a request, told from its headers alone, before anything of its body is read."""

from io import BytesIO

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse

from sovereign.bodylimit import Message


async def is_known(scope: Message) -> bool:
    """Whether the session or the token of an HTTP request is that of a person who may sign in."""
    return await sync_to_async(_is_known)(ASGIRequest(scope, BytesIO()))


def _is_known(request: HttpRequest) -> bool:
    # Late: sovereign/asgi.py imports this before the models are loaded.
    from accounts.tokens import find_token

    try:
        if header := request.headers.get("Authorization"):
            return find_token(header.partition(" ")[2].strip()) is not None
        SessionMiddleware(lambda _: HttpResponse()).process_request(request)
        return get_user(request).is_authenticated
    finally:
        if not connection.in_atomic_block:  # a test's
            connection.close()
