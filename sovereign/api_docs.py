"""The readable page of the API, made from its own schema: no script, nothing from elsewhere."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sovereign.api import api

Schema = dict[str, Any]


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    schema = api.get_openapi_schema()
    calls = [
        _call(method.upper(), path, operation, schema)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    rooms = sorted({call["room"] for call in calls})
    groups = [(room, [call for call in calls if call["room"] == room]) for room in rooms]
    return render(request, "api_docs.html", {"groups": groups, "title": schema["info"]["title"]})


def _call(method: str, path: str, operation: Schema, schema: Schema) -> Schema:
    return {
        "method": method,
        "path": path,
        "id": operation["operationId"],
        "room": (operation.get("tags") or ["other"])[0],
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "open": not operation.get("security"),
        "parameters": [_parameter(item, schema) for item in operation.get("parameters", [])],
        "body": _body(operation.get("requestBody", {}), schema),
        "answers": [
            _answer(code, answer, schema) for code, answer in operation["responses"].items()
        ],
    }


def _parameter(item: Schema, schema: Schema) -> Schema:
    shape = item.get("schema", {})
    return {
        "name": item["name"],
        "where": item["in"],
        "type": _type(shape, schema),
        "needed": item["required"],
    }


def _body(body: Schema, schema: Schema) -> str:
    for kind, media in body.get("content", {}).items():
        return f"{kind}\n{_pretty(_example(media.get('schema', {}), schema))}"
    return ""


def _answer(code: object, answer: Schema, schema: Schema) -> Schema:
    content = answer.get("content", {}).get("application/json", {})
    example = _pretty(_example(content["schema"], schema)) if content.get("schema") else ""
    return {"code": code, "text": answer["description"], "example": example}


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _resolved(shape: Schema, schema: Schema) -> Schema:
    if "$ref" in shape:
        found: Schema = schema["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]]
        return found
    return shape


def _example(shape: Schema, schema: Schema, depth: int = 0) -> object:
    """The shape of a JSON value with the names of types for its leaves."""
    shape = _resolved(shape, schema)
    if depth < 8 and "properties" in shape:
        return {
            name: _example(part, schema, depth + 1) for name, part in shape["properties"].items()
        }
    if depth < 8 and shape.get("type") == "array":
        return [_example(shape.get("items", {}), schema, depth + 1)]
    parts = [part for part in shape.get("anyOf", []) if part.get("type") != "null"]
    if len(parts) == 1:
        return _example(parts[0], schema, depth)
    return _type(shape, schema)


def _type(shape: Schema, schema: Schema) -> str:
    shape = _resolved(shape, schema)
    if "enum" in shape:
        return " or ".join(json.dumps(value) for value in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(_type(part, schema) for part in shape["anyOf"])
    return str(shape.get("format") or shape.get("type") or "any")
