"""The budgets of CONTRIBUTING.md: small functions, small modules, no catch-all without need."""

import ast
import statistics
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
MAX_FUNCTION = 45
MAX_MODULE = 320
MAX_MEDIAN = 10
MAX_BROAD = 0.05


def modules() -> list[Path]:
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    return sorted(file for file in files if "migrations" not in file.parts)


@cache
def trees() -> list[tuple[Path, ast.AST]]:
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in modules()]


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for file, tree in trees():
        for node in ast.walk(tree):
            yield file, node


def functions() -> dict[str, int]:
    """`module:function` -> lines, from `def` to the last line."""
    return {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for file, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches everything and decides what it means; one that cleans up and passes it on does not."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"})
        for name in names
    )


def test_no_function_is_too_long() -> None:
    assert {name: lines for name, lines in functions().items() if lines > MAX_FUNCTION} == {}


def test_functions_are_short_at_the_median() -> None:
    assert statistics.median(functions().values()) <= MAX_MEDIAN


def test_no_module_is_too_long() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in modules()
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE} == {}


def test_few_handlers_catch_everything() -> None:
    handlers = [(file, node) for file, node in nodes() if isinstance(node, ast.ExceptHandler)]
    broad = [f"{file.relative_to(ROOT)}:{node.lineno}" for file, node in handlers if is_broad(node)]
    assert len(broad) < MAX_BROAD * len(handlers), broad
