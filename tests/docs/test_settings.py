"""docs/settings.md says what sovereign/settings reads: each name, each default, nothing else."""

import re
from pathlib import Path

from django.conf import settings

from sovereign.settings.env import KNOWN

DOC = (Path(settings.BASE_DIR) / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \| \S", DOC, re.MULTILINE))


def written(default: object) -> str:
    """A default as the documentation writes it."""
    text = str(default)
    for path, name in (
        (settings.DATA_DIR, "SOVEREIGN_DATA_DIR"),
        (settings.CACHE_DIR, "SOVEREIGN_CACHE_DIR"),
        (f"{settings.BASE_DIR}/", ""),
    ):
        text = text.replace(str(path), name)
    if text in {"True", "False"}:
        text = text.lower()
    return text or "(empty)"


def test_every_setting_is_documented() -> None:
    assert sorted(KNOWN.keys() - ROWS.keys()) == []


def test_every_documented_setting_exists() -> None:
    assert sorted(ROWS.keys() - KNOWN.keys()) == []


def test_the_documented_defaults_are_those_of_the_code() -> None:
    wrong = {
        name: (ROWS[name], written(default))
        for name, default in KNOWN.items()
        if ROWS[name] != written(default)
    }
    assert wrong == {}


def test_no_other_text_names_a_setting_that_is_not_there() -> None:
    root = Path(settings.BASE_DIR)
    compose = (root / "docker-compose.yml").read_text(encoding="utf-8")
    # What compose puts in from its own environment need be no setting.
    its_own = set(re.findall(r"\$\{(SOVEREIGN_\w+)", compose))
    known = KNOWN.keys() | its_own | {"SOVEREIGN_TEST_HANDBOOK"}
    pages = [*root.glob("*.md"), *(root / "docs").glob("*.md")]
    files = [*pages, *root.glob("docker-compose.yml"), root / "Makefile"]
    for file in files:
        for name in re.findall(r"\bSOVEREIGN_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8")):
            assert {name, name.removesuffix("_FILE")} & known, f"{file.name}: {name}"
