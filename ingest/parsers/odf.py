"""The container of OpenDocument files (ODT, ODS, ODP): its checks, its parts, what it says of itself."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree

from ingest.parsers import clean
from ingest.parsers.archive import check_archive, check_entities
from ingest.parsers.base import ParseError
from ingest.parsers.office import refusal
from ingest.parsers.office import title as said_title

_NAMESPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
    "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
    "presentation": "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "chart": "urn:oasis:names:tc:opendocument:xmlns:chart:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
    "math": "http://www.w3.org/1998/Math/MathML",
}
CONTENT, STYLES, META = "content.xml", "styles.xml", "meta.xml"
_MANIFEST = "META-INF/manifest.xml"
#: What zipfile and lxml raise on damage: by member, by method of compression, by markup.
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, etree.LxmlError, OSError, EOFError, KeyError,
    ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip
DAMAGED = "The file is damaged. Open it in the program that made it and save it anew."


def qn(name: str) -> str:
    """ "text:p" as lxml writes it."""
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def xml_options() -> dict[str, bool]:
    """For every reader of XML here: nothing is resolved, and depth and size stay bounded."""
    return {
        "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False,
        "remove_comments": True, "remove_pis": True,
    }  # fmt: skip


class Package:
    """An open file. Use it with `with`."""

    def __init__(self, path: Path) -> None:
        """Raises ParseError `damaged`, `encrypted`, `archive-too-large`, `unsafe-file`."""
        check_archive(path)
        self._archive = zipfile.ZipFile(path)
        self._names = set(self._archive.namelist())
        # The manifest of old files has a document type; it is searched, not parsed.
        if b"encryption-data" in self.part(_MANIFEST):
            raise ParseError(
                "encrypted", "The file is protected with a password. Save a copy without it."
            )
        # Parts of objects inside (charts, formulas), too: "Object 1/content.xml".
        check_entities(
            path, [each for each in self._names if each.endswith((CONTENT, STYLES, META))]
        )

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def part(self, name: str) -> bytes:
        """The bytes of a part, b"" where there is none. Raises ParseError `damaged`."""
        if name not in self._names:
            return b""
        try:
            return self._archive.read(name)
        except BROKEN as error:
            raise ParseError("damaged", DAMAGED) from error

    def stream(self, name: str, tags: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        """("start" or "end", element) of `tags` in a part. Raises ParseError `damaged`."""
        try:
            with self._archive.open(name) as file:
                yield from etree.iterparse(file, ("start", "end"), tag=tags, **xml_options())
        except BROKEN as error:
            raise refusal(error, DAMAGED) from error

    def tree(self, name: str) -> Any:
        """A part as a tree, None where there is none. Raises ParseError `damaged`."""
        data = self.part(name)
        if not data:
            return None
        try:
            return etree.fromstring(data, etree.XMLParser(**xml_options()))
        except etree.XMLSyntaxError as error:
            raise refusal(error, DAMAGED) from error

    def body(self, kind: str) -> tuple[Any, Any]:
        """The root of content.xml, and its office:body's `kind`. Raises ParseError `damaged`."""
        root = self.tree(CONTENT)
        found = None if root is None else root.find(f"{qn('office:body')}/{qn(kind)}")
        if found is None:
            raise ParseError("damaged", DAMAGED)
        return root, found

    def about(self) -> tuple[str, dict[str, str]]:
        """Title and metadata (base.METADATA) that the file gives itself; a damaged part gives none."""
        try:
            root = self.tree(META)
        except ParseError:
            root = None
        if root is None:
            return "", {}
        keywords = [clean.one_line(each.text or "") for each in root.iter(qn("meta:keyword"))]
        found = {
            "author": _said(root, "meta:initial-creator") or _said(root, "dc:creator"),
            "subject": _said(root, "dc:subject"),
            "keywords": ", ".join(each for each in keywords if each),
            "created": _time(_said(root, "meta:creation-date")),
            "modified": _time(_said(root, "dc:date")),
        }
        return said_title(_said(root, "dc:title")), {k: v for k, v in found.items() if v}


def _said(root: Any, name: str) -> str:
    return clean.one_line(root.findtext(f".//{qn(name)}") or "")


def _time(said: str) -> str:
    try:
        return datetime.fromisoformat(said).isoformat(timespec="seconds")
    except ValueError:
        return ""
