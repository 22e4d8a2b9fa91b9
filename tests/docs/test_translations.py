"""Every text of the interface is there in each language, and the compiled files are what was written."""

import ast
import gettext
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
LOCALE = ROOT / "locale"
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
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
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
LITERAL = r"(u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\")"
IN_TEMPLATE = re.compile(rf"\b(?:n?gettext|_)\({LITERAL}")


#: Their first argument is the context, which gettext keeps before the text.
IN_CONTEXT = {"pgettext", "pgettext_lazy"}


def in_code() -> Iterator[str]:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
                    first = node.args[0] if node.args else None
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield first.value
                elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in IN_CONTEXT:
                    yield "\x04".join(ast.literal_eval(each) for each in node.args[:2])


def in_templates() -> Iterator[str]:
    for file in (ROOT / "templates").rglob("*.html"):
        for literal in IN_TEMPLATE.findall(templatize(file.read_text(encoding="utf-8"))):
            yield ast.literal_eval(literal)


def catalogue(compiled: Path) -> dict[object, str]:
    with compiled.open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]


def test_the_search_finds_texts_of_both_kinds() -> None:
    assert {"The changes are saved.", "of a mail\x04From"} <= set(in_code())
    assert {"Delete the account", "Page %(n)s of %(of)s"} <= set(in_templates())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    known = catalogue(LOCALE / language / "LC_MESSAGES" / "django.mo")
    wanted = {text for text in (*in_code(), *in_templates()) if text}
    missing = [text for text in wanted if not (known.get(text) or known.get((text, 0)))]
    assert sorted(missing) == [], (
        "run `manage.py makemessages -l de -l fr --no-location -i .venv -i var`, translate, then "
        "`manage.py compilemessages`"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_what_was_written(language: str, tmp_path: Path) -> None:
    if not shutil.which("msgfmt"):
        pytest.skip("gettext is not installed")
    folder, made = LOCALE / language / "LC_MESSAGES", tmp_path / "made.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", made, folder / "django.po"], check=True)
    assert catalogue(made) == catalogue(folder / "django.mo")
