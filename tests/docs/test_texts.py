"""What the repository tells: links that lead somewhere, verbs that exist, no traces of a machine."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\0")
FILES = [ROOT / name for name in TRACKED if name and (ROOT / name).is_file()]
PAGES = [path for path in FILES if path.suffix == ".md" and "samples" not in path.parts]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
#: Paths of somebody's machine and addresses of somebody's network.
TRACES = re.compile(
    r"(?<![\w.\-$}])/(?:root|work|home/[a-z]+)/(?!\.\.\.)"
    r"|\b[a-z0-9-]+\.(?:internal|corp|lan)\b(?!\.)"
    r"|-index-url[= ][\"']?https?://(?!pypi\.org|download\.pytorch\.org)"
)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings as code hosts make them."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in titles]
    return {title.replace(" ", "-") for title in kept}


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_pages_of_docs_are_found_from_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    pages = {path.relative_to(ROOT).as_posix() for path in PAGES if path.parent == ROOT / "docs"}
    assert pages - linked == set()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_that_are_named_exist(document: Path) -> None:
    verbs = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"(?:^ {4}|`|=\S+ )make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) - set(verbs) == set()
    commands = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert commands - get_commands().keys() == set()
    for module in re.findall(r"-m (bench\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


def test_no_text_names_the_machine_that_it_was_written_on() -> None:
    found = []
    for path in FILES:
        if path == Path(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in TRACES.finditer(text)]
    assert found == []


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_changelog_has_this_version() -> None:
    assert f"## [{settings.VERSION}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
