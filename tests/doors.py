"""Every address of the product, found by walking its URL patterns, and how to knock there."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")

Json = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """One address. `things` are the words before its parameters: "collections" in collections/<pk>."""

    route: str
    methods: tuple[str, ...] = ()
    things: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        words = re.findall(r"(\w+)/(?=<)", self.route)
        object.__setattr__(self, "things", tuple(words))

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/v1/")

    @property
    def has_uuid(self) -> bool:
        return "uuid" in self.route

    def path(self, values: dict[str, object]) -> str:
        """The address with each parameter replaced by values[the word before it]."""
        things = iter(self.things)
        return "/" + PARAMETER.sub(lambda _: str(values[next(things)]), self.route)

    def path_with(self, value: object) -> str:
        """The address with the same value for every UUID, 1 for any other parameter."""

        def fill(match: re.Match[str]) -> str:
            return str(value) if "uuid" in (match["kind"] or "") else "1"

        return "/" + PARAMETER.sub(fill, self.route)


def _walk(patterns: list[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


FOUND: list[Door] = []


def find_doors(client_for: Callable[[Door], Client]) -> list[Door]:
    """All doors with the methods that they take: each says so itself when asked for one it has not."""
    if not FOUND:
        # Left out are the two that are there to say 404 to whatever is asked of them.
        routes = set(_walk(get_resolver().url_patterns)) - {"api/v1/", "^api/"}
        FOUND.extend(_with_methods(Door(route), client_for) for route in sorted(routes))
    return FOUND


def _with_methods(door: Door, client_for: Callable[[Door], Client]) -> Door:
    answer = client_for(door).generic("BREW", door.path_with(UUID(int=0)))
    assert answer.status_code == 405, f"{door.route} takes any method: name those that it takes"
    return Door(door.route, tuple(word for word in answer["Allow"].split(", ") if word in METHODS))


@cache
def schema() -> Json:
    return Client().get("/api/v1/openapi.json").json()  # type: ignore[no-any-return]


def knock(client: Client, door: Door, method: str, path: str) -> Any:
    """Ask with a body that is well-formed, so that nothing but the caller's right decides."""
    if method == "GET":
        return client.get(path)
    if not door.is_api:
        return client.generic(method, path, "", content_type="application/x-www-form-urlencoded")
    body, kind = _body(door, method)
    if kind == MULTIPART_CONTENT:
        return client.post(path, body, content_type=kind)
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def _body(door: Door, method: str) -> tuple[Any, str]:
    path = "/" + PARAMETER.sub(lambda match: "{" + match["name"] + "}", door.route)
    content = schema()["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"file": SimpleUploadedFile("new.txt", b"Anything at all.")}, MULTIPART_CONTENT
    shape = content.get("application/json", {}).get("schema")
    return (sample(shape) if shape else {}), "application/json"


def sample(shape: Json) -> Any:
    """A value that fits the schema: what is needed, and `stream` so that an answer is one JSON."""
    if "$ref" in shape:
        return sample(schema()["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]])
    if "enum" in shape or "const" in shape:
        return shape.get("const", shape.get("enum", [None])[0])
    if "anyOf" in shape:
        return sample(shape["anyOf"][0])
    if shape.get("type") == "object":
        needed = {name: sample(shape["properties"][name]) for name in shape.get("required", [])}
        return needed | ({"stream": False} if "stream" in shape.get("properties", {}) else {})
    return _leaf(shape)


def _leaf(shape: Json) -> Any:
    if shape.get("format") == "uuid":
        return str(UUID(int=0))
    if shape.get("type") in ("integer", "number"):
        return shape.get("minimum", 1)
    return {"array": [], "boolean": False}.get(shape["type"], "leave@example.com")
