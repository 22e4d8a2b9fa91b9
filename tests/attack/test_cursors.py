"""Cursors and numbers that no list of ours made."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from tests import people

VALUES: list[Any] = [
    ["a\ud800", "x"],
    ["2026-01-01", "00000000-0000-0000-0000-000000000000"],
    ["0001-01-01T00:00:00+14:00", "00000000-0000-0000-0000-000000000000"],
    ["9999-12-31T23:59:59-14:00", "00000000-0000-0000-0000-000000000000"],
    ["2026-01-01T00:00:00", "00000000-0000-0000-0000-000000000000"],
    [10**40, 10**40],
    [1e308, True],
    [{}, []],
    [[[]], None],
]


def _cursor(values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("pad", [0, 1], ids=["two", "one"])
def test_a_forged_cursor_is_refused_or_finds_nothing(
    api_for: Callable[..., people.Api], admin: User, values: list[Any], pad: int
) -> None:
    api, cursor = api_for(admin), _cursor(values[pad:])
    collection = people.make_collection(admin)
    for path in ("/users", "/groups", "/tokens", "/collections", "/conversations"):
        answer = api.get(path, {"cursor": cursor})
        assert answer.status_code in (200, 400), (path, answer.status_code)
    answer = api.get(f"/collections/{collection.pk}/documents", {"cursor": cursor})
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30, "9" * 5_000, "1e9", "٣"])
def test_huge_numbers_break_no_page(
    client_for: Callable[..., Any], alice: User, number: str
) -> None:
    client, collection = client_for(alice), people.make_collection(alice)
    document = people.make_document(collection)
    for path in ("/conversations?after=", f"/collections/{collection.pk}?page=",
                 f"/documents/{document.pk}?page=", f"/documents/{document.pk}?quote=1-"):  # fmt: skip
        assert client.get(path + number).status_code == 200, path


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30])
def test_huge_limits_break_no_call(
    api_for: Callable[..., people.Api], alice: User, number: str
) -> None:
    for path in ("/collections", "/conversations", "/tokens"):
        assert api_for(alice).get(path, {"limit": number}).status_code in (200, 422), path


def test_a_hundred_thousand_collections_in_one_question(
    api_for: Callable[..., people.Api], alice: User
) -> None:
    many = [f"00000000-0000-0000-0000-{n:012}" for n in range(50_000)]
    for path, body in (
        ("/search", {"query": "leave", "collections": many}),
        ("/answers", {"question": "leave", "collections": many, "stream": False}),
    ):
        assert api_for(alice).post(path, body).status_code == 422, path
