"""Opens presentations: what is read of the container, and what its parts refer to."""

from pathlib import Path
from typing import Any

from pptx.opc.constants import CONTENT_TYPE
from pptx.package import Package

from ingest.parsers.archive import check_archive, check_entities
from ingest.parsers.docx_package import texts_alone
from ingest.parsers.office import refusal

#: Templates, shows and their kin with macros hold the same parts; the library knows two names of it.
_MAIN = "application/vnd.openxmlformats-officedocument.presentationml.{}.main+xml"
_WITH_MACROS = "application/vnd.ms-powerpoint.{}.macroEnabled.main+xml"
_ALIKE = (
    CONTENT_TYPE.PML_PRES_MACRO_MAIN,
    _MAIN.format("template"), _MAIN.format("slideshow"),
    _WITH_MACROS.format("template"), _WITH_MACROS.format("slideshow"),
)  # fmt: skip
_DAMAGED = "The presentation is damaged. Open it in the program that made it and save it anew."


def open_presentation(path: Path) -> Any:
    """The python-pptx presentation. Raises ParseError `damaged`, `archive-too-large`, `unsafe-file`."""
    check_archive(path)
    check_entities(path)
    # As with Word files: damage shows as whatever the damaged part led to, lack of memory does not.
    try:
        part = Package.open(
            texts_alone(path, CONTENT_TYPE.PML_PRESENTATION_MAIN, _ALIKE)
        ).main_document_part
        if part.content_type != CONTENT_TYPE.PML_PRESENTATION_MAIN:
            raise ValueError("no presentation")
        return part.presentation
    except MemoryError:
        raise
    except Exception as error:
        raise refusal(error, _DAMAGED) from error


def related(part: Any, kind: str) -> list[Any]:
    """Parts that `part` refers to by relations whose type ends in "/" and `kind`."""
    return [
        relation.target_part
        for relation in part.rels.values()
        if not relation.is_external and relation.reltype.endswith(f"/{kind}")
    ]
