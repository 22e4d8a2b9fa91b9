"""The bill of materials, and the installed files against what their installer wrote down."""

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import PathDistribution, distribution
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.conf import settings
from django.test import override_settings

from compliance import installed, sbom, sources
from inference.registry import Registry
from tests.inference.parts import SMALL


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[bytes]]:
    """Two bills of one installation with a model of its own. They take seconds, so all share them."""
    root = tmp_path_factory.mktemp("installation")
    _tree(root)
    shutil.copy(settings.BASE_DIR / "requirements" / "base.txt", root / "requirements")
    (root / "ours.gguf").write_bytes(SMALL)
    Registry(root / "models").add(root / "ours.gguf", name="ours", licence="Apache-2.0")
    with override_settings(MODELS_DIR=root / "models", BASE_DIR=root):
        yield [sbom.bill(), sbom.bill()]


@pytest.fixture(scope="module")
def parts(bills: list[bytes]) -> dict[str, Any]:
    return {part["name"]: part for part in json.loads(bills[0])["components"]}


def test_it_is_valid_by_the_schema(bills: list[bytes]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bills[0].decode()) is None


def test_the_same_installation_gives_the_same_bytes(bills: list[bytes]) -> None:
    assert bills[0] == bills[1]


def test_every_installed_package_is_there_by_its_name_and_version(parts: dict[str, Any]) -> None:
    for package in installed.packages():
        name = installed.normal(package.name)
        version = package.version.replace("+", "%2B")
        assert parts[name]["purl"] == f"pkg:pypi/{name}@{version}"


def test_a_package_has_its_licence_the_hashes_of_the_lock_and_of_its_record(
    parts: dict[str, Any],
) -> None:
    django = parts["django"]
    assert django["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert django["externalReferences"][0]["hashes"]
    properties = {each["name"]: each["value"] for each in django["properties"]}
    assert properties["sovereign:record-sha256"] == installed.record_sha256(distribution("django"))


def test_a_model_is_a_component_with_its_hash_and_origin(parts: dict[str, Any]) -> None:
    model = parts["ours"]
    assert model["type"] == "machine-learning-model"
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    names = {each["name"] for each in model["properties"]}
    assert {"sovereign:file:ours.gguf", "sovereign:origin:at", "sovereign:origin:by"} <= names


def test_our_own_code_is_there_by_its_hash(bills: list[bytes]) -> None:
    product = json.loads(bills[0])["metadata"]["component"]
    assert product["hashes"][0]["content"] == sources.sources(settings.BASE_DIR).sha256


def test_the_summary_counts_what_is_there(bills: list[bytes]) -> None:
    found = sbom.summary(bills[0])
    assert (found["packages"], found["models"]) == (len(installed.packages()), 1)


# --- our own code -------------------------------------------------------------------------------
def _tree(root: Path) -> None:
    for folder in sources.FOLDERS:
        (root / folder).mkdir()
        (root / folder / "a.py").write_text(folder)
    for file in sources.FILES:
        (root / file).write_text(file)


def test_a_changed_file_changes_the_hash_of_its_folder_alone(tmp_path: Path) -> None:
    _tree(tmp_path)
    before = sources.sources(tmp_path)
    (tmp_path / "wall" / "a.py").write_text("changed")
    after = sources.sources(tmp_path)
    changed = {name for name in before.folders if before.folders[name] != after.folders[name]}
    assert changed == {"wall"}
    assert before.sha256 != after.sha256


def test_an_added_file_changes_the_hash_and_what_python_makes_does_not(tmp_path: Path) -> None:
    _tree(tmp_path)
    before = sources.sources(tmp_path).sha256
    (tmp_path / "wall" / "__pycache__").mkdir()
    (tmp_path / "wall" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"made")
    assert sources.sources(tmp_path).sha256 == before
    (tmp_path / "wall" / "b.py").write_text("")
    assert sources.sources(tmp_path).sha256 != before


@pytest.mark.parametrize("packed", [False, True])
def test_the_commit_is_read_from_gits_files(tmp_path: Path, packed: bool) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs\n{'a' * 40} refs/heads/main\n")
    else:
        (git / "refs" / "heads" / "main").write_text(f"{'a' * 40}\n")
    assert sources.commit(tmp_path) == "a" * 40


def test_without_git_there_is_no_commit(tmp_path: Path) -> None:
    assert sources.commit(tmp_path) == ""


# --- installed files ----------------------------------------------------------------------------
@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one installed package, which is all that Python sees."""
    folder = tmp_path / "lib" / "site-packages"
    about = folder / "thing-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "thing.py").write_text("")
    (about / "METADATA").write_text("Name: thing\nVersion: 1.0\n")
    empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    (about / "RECORD").write_text(
        f"thing.py,sha256={empty},0\nthing-1.0.dist-info/METADATA,,\nthing-1.0.dist-info/RECORD,,\n"
    )
    monkeypatch.setattr(installed, "packages", lambda: [PathDistribution(about)])
    monkeypatch.setattr(installed, "_folders", lambda: [folder])
    return folder


def test_unchanged_packages_are_right(site: Path) -> None:
    found = installed.deep()
    assert (found.packages, found.files, found.ok) == (1, 1, True)


def test_a_changed_file_is_found(site: Path) -> None:
    (site / "thing.py").write_text("import os")
    assert installed.deep().changed == ["thing.py"]


def test_a_missing_file_is_found(site: Path) -> None:
    (site / "thing.py").unlink()
    assert installed.deep().missing == ["thing.py"]


def test_a_file_that_no_package_brought_is_found(site: Path) -> None:
    (site / "sitecustomize.py").write_text("")
    assert installed.deep().strangers == ["sitecustomize.py"]
