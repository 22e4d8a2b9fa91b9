"""What is served to browsers: nothing inline, nothing from elsewhere, nothing unknown."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC, TEMPLATES = settings.BASE_DIR / "static", settings.BASE_DIR / "templates"
OURS = [
    path
    for path in STATIC.rglob("*")
    if path.suffix in (".css", ".js") and "vendor" not in path.parts
]
PAGES = sorted(TEMPLATES.rglob("*.html"))


def test_vendored_files_are_those_of_the_table() -> None:
    table = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\S+\.js) \| .* \| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    there = {path.name: path.read_bytes() for path in (STATIC / "vendor").glob("*.js")}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in there.items()} == listed


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_have_nothing_inline(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']|hx-on|hx-vals=[\"']js:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"(src|href|action)=[\"'](https?:)?//", text)


@pytest.mark.parametrize("file", OURS, ids=lambda path: str(path.relative_to(STATIC)))
def test_our_styles_and_scripts_are_short_and_ask_nobody(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= (200 if file.suffix == ".css" else 150)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert not re.search(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|eval\(|document\.write", text)
