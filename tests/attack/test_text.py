"""Letters that databases, wires and tokenizers refuse: NUL, halves of surrogate pairs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from accounts.tokens import create_token
from tests.doors import PARAMETER, Door, find_doors, sample, schema
from tests.test_doors import World, make_world

BAD = ["a\x00b", "a\ud800b"]
QUERY = ["q", "status", "state", "cursor", "limit", "page", "after", "chunk", "quote", "format"]


def _refuse_nul(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """What PostgreSQL does with a NUL, on the database of the tests."""
    for row in params or () if many else [params or ()]:
        for value in row.values() if isinstance(row, dict) else row:
            assert not (isinstance(value, str) and "\x00" in value), f"NUL for the database: {sql}"
    return execute(sql, params, many, context)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    made = make_world()
    with connection.execute_wrapper(_refuse_nul):
        yield made


def _fields(shape: Any) -> dict[str, Any]:
    if "$ref" in shape:
        shape = schema()["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]]
    found: dict[str, Any] = shape.get("properties", {})
    return found


def _bodies(door: Door, method: str, bad: str) -> Iterator[tuple[str, Any]]:
    """A well-formed body with one field of bad text, for each field that may hold text."""
    path = "/" + PARAMETER.sub(lambda match: "{" + match["name"] + "}", door.route)
    operation = schema()["paths"][path].get(method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    shape = content.get("application/json", {}).get("schema", {})
    good = sample(shape) if shape else {}
    for name, part in _fields(shape).items():
        value: Any = bad
        if part.get("type") == "array":
            value = [bad]
        if name == "history":
            value = [{"role": "user", "content": bad}]
        yield name, {**good, name: value}


@pytest.mark.parametrize("bad", BAD)
def test_no_body_breaks_the_api(world: World, bad: str) -> None:
    client_of = {user: _client(user) for user in (world.alice, world.admin)}
    doors = find_doors(lambda door: world.client(world.admin, door))
    tried = 0
    for door in (door for door in doors if door.is_api):
        user = world.admin if "users" in door.route or "groups" in door.route else world.alice
        for method in set(door.methods) & {"POST", "PUT", "PATCH"}:
            for name, body in _bodies(door, method, bad):
                with transaction.atomic():
                    answer = client_of[user].generic(
                        method,
                        door.path(world.things),
                        json.dumps(body),
                        content_type="application/json",
                    )
                    transaction.set_rollback(True)
                where = f"{method} {door.route} {name}: {answer.status_code}"
                assert answer.status_code < 500 or answer.json()["code"] != "unexpected", where
                assert "internal-error" not in answer.content.decode(), where
                tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    "queries",
    [[f"{name}=a%00b" for name in QUERY], ["&".join(f"{name}=%00" for name in QUERY)]],
    ids=["each", "all"],
)
def test_no_query_breaks_an_address(world: World, queries: list[str]) -> None:
    """Each argument alone, and all of them when nothing else is in them."""
    doors = find_doors(lambda door: world.client(world.admin, door))
    for door in (door for door in doors if "GET" in door.methods):
        user = world.admin if "users" in door.route or "groups" in door.route else world.alice
        client, path = world.client(user, door), door.path(world.things)
        for query in queries:
            answer = client.get(f"{path}?{query}")
            answer.close()
            where = f"GET {door.route} {query}: {answer.status_code}"
            assert answer.status_code < 500 or door.route == "readyz", where


def _client(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {create_token(user).secret}"})
