"""Whether trying again helps is said by the code as by docs/errors.md."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from ingest.reasons import may_help_again

DOC = (Path(settings.BASE_DIR) / "docs" / "errors.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`[^|]+`) \|.*\| ([^|]+) \|$", re.MULTILINE)
TABLES = ("## Reading a document", "## Uploading, processing")


def documented() -> list[tuple[str, str]]:
    rows = []
    for title in TABLES:
        table = DOC.split(title)[1].split("\n## ")[0]
        for codes, again in ROW.findall(table):
            rows += [(code, again.strip()) for code in re.findall(r"`([a-z-]+)`", codes)]
    return rows


def test_there_are_codes() -> None:
    assert ("damaged", "no") in documented() and ("disk-full", "yes") in documented()


@pytest.mark.parametrize(("code", "again"), documented())
def test_a_person_is_told_whether_it_helps_to_try_again(code: str, again: str) -> None:
    helps = not again.startswith(("no", "after its release"))
    assert may_help_again(code) == helps
