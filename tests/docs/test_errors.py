"""docs/errors.md has a row for each code that the code raises, and none that is not there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROOMS = (
    "sovereign",
    "accounts",
    "ingest",
    "chat",
    "compliance",
    "evaluation",
    "fleet",
    "usage",
    "inference",
    "audit",
    "wall",
)
CODE = re.compile(r"[a-z]+(?:-[a-z]+)*")
#: Who takes a code, and as which argument.
TAKES = {
    "Problem": 1, "UploadRefused": 0, "CollectionRefused": 0, "QuestionRefused": 0, "ParseError": 0,
    "ModelError": 0, "ModelsUnavailable": 0, "BadRequest": 0, "_fail": 1, "fail": 1, "failed": 0,
    "__init__": 0, "SourceError": 0, "SourceRefused": 0,
}  # fmt: skip
#: What stands in such a place and is none: the host of a Unix socket's connection.
NO_CODES = {"localhost"}
#: Variables and attributes that hold one: `code = "..."`, `error_code="..."`.
NAMES = {"code", "error_code"}
DOC = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


def documented() -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", DOC, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


@cache
def trees() -> list[tuple[Path, ast.AST]]:
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in files]


def texts(node: ast.AST | None) -> Iterator[str]:
    """The constants that an expression may become: also those of `a if b else c`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def codes_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        place = TAKES.get(name)
        if place is not None and len(node.args) > place:
            yield from texts(node.args[place])
        for keyword in node.keywords:
            if keyword.arg in NAMES:
                yield from texts(keyword.value)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(getattr(target, "id", getattr(target, "attr", "")) in NAMES for target in targets):
            yield from texts(node.value)


@cache
def raised() -> dict[str, str]:
    """Each code and a file that has it."""
    return {
        code: str(file.relative_to(ROOT))
        for file, tree in trees()
        for node in ast.walk(tree)
        for code in codes_of(node)
        if CODE.fullmatch(code) and code not in NO_CODES
    }


def constants() -> set[str]:
    return {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_search_finds_codes_of_every_room() -> None:
    assert {"last-admin", "bad-path", "answer-running", "model-missing", "encrypted"} <= set(
        raised()
    )


def test_every_code_that_is_raised_is_documented() -> None:
    assert {code: file for code, file in raised().items() if code not in documented()} == {}


def test_every_documented_code_is_in_the_code() -> None:
    assert sorted(documented() - constants()) == []


def test_every_answer_that_fails_has_a_sentence() -> None:
    from chat.failures import detail_of

    asking = re.findall(r"^\| (`[^|]+`) \|", DOC.split("## Asking")[1].split("\n## ")[0], re.M)
    codes = {code for row in asking for code in re.findall(r"`([^`]+)`", row)}
    unknown = detail_of("anything else")
    questions = {"question-empty", "question-too-long", "question-invalid", "answer-running"}
    assert {code for code in codes - questions if detail_of(code) == unknown} == set()
