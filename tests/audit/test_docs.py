"""docs/record.md tells what is there: every action, every code, every field."""

import re
from pathlib import Path

from django.conf import settings

from audit import actions, attested, verify, walk
from audit.models import Entry

PAGE = (Path(settings.BASE_DIR) / "docs" / "record.md").read_text(encoding="utf-8")


def documented() -> set[str]:
    """`room.noun.verb`, and `.verb` for the same noun as before."""
    found, noun = set(), ""
    for name in re.findall(r"`([a-z]*\.[a-z.]+)`", PAGE.split("## The format")[0]):
        if name.startswith("."):
            name = noun + name
        found.add(name)
        noun = name.rpartition(".")[0]
    return found


def test_every_action_is_in_the_table() -> None:
    known = {value for name, value in vars(actions).items() if name.isupper()}
    assert documented() & known == known
    assert {name for name in documented() if not name.endswith((".md", ".json"))} <= known


def test_every_code_is_in_the_table() -> None:
    told = set()
    for module in (attested, verify, walk):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:Fault|_fault|_once)\(\s*"([a-z-]+)"', source))
        told |= set(re.findall(r'"(checkpoint-[a-z]+)"', source))
    page = PAGE.split("## What verification finds")[1].split("\n## ")[0]
    assert told
    assert told | {"more"} == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))


def test_every_field_is_in_the_table() -> None:
    page = PAGE.split("## The format")[1].split("**Canonical**")[0]
    assert set(re.findall(r"`([a-z_]+)`", page)) >= {field.name for field in Entry._meta.fields}
