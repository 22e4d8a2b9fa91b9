"""Opens Office files for the libraries that read them: templates, macros, missing parts."""

import io
import posixpath
import re
import zipfile
from collections.abc import Container
from pathlib import Path
from typing import Any

from lxml import etree

_TYPES = "[Content_Types].xml"
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
#: Names of the strict form of the standard, for which the libraries know the usual ones only.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_KEPT = (".xml", ".rels", ".htm", ".html", ".xhtml")


def texts_alone(path: Path, main: str, alike: tuple[str, ...]) -> io.BytesIO:
    """A copy without pictures, films, macros and embedded files: the libraries would load them all.

    The content types `alike` become `main`; relations to parts that are not there are left out.
    Check the archive before. Raises what zipfile and lxml raise on damage, KeyError without types.
    """
    kept: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            is_kept = member.filename.lower().endswith(_KEPT)
            data = archive.read(member) if is_kept else b""
            kept[member.filename] = _STRICT.sub(
                rb"http://schemas.openxmlformats.org/\1/2006/\2", data
            )
    for name in alike:
        kept[_TYPES] = kept[_TYPES].replace(name.encode(), main.encode())
    names = {name.lower() for name in kept}
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as archive:
        for filename, data in kept.items():
            is_relations = filename.lower().endswith(".rels")
            archive.writestr(filename, _present(filename, data, names) if is_relations else data)
    copy.seek(0)
    return copy


def tree(part: Any) -> Any:
    """The XML of a part that the library keeps as bytes; None if it is damaged."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.fromstring(part.blob, parser)
    except etree.XMLSyntaxError:
        return None


def _present(filename: str, data: bytes, names: Container[str]) -> bytes:
    """Relations without those to nothing, which real files have, and those that do not say what they are."""
    folder = posixpath.dirname(posixpath.dirname(filename))
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    missing = [
        relation
        for relation in root.iter(_RELATION)
        if not (relation.get("Id") and relation.get("Type") and relation.get("Target"))
        or (
            relation.get("TargetMode") != "External"
            and _target(folder, relation.get("Target") or "") not in names
        )
    ]
    for relation in missing:
        root.remove(relation)
    return etree.tostring(root) if missing else data


def _target(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/").lower()
