"""OpenDocument texts (ODT)."""

from pathlib import Path
from typing import Any

from ingest.parsers import clean
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.odf import STYLES, Package, qn
from ingest.parsers.odf_blocks import Reader
from ingest.parsers.odf_styles import Styles
from ingest.parsers.odf_text import text_of
from ingest.parsers.office import says_something


class OdtParser:
    media_types = ("application/vnd.oasis.opendocument.text",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `encrypted`, `no-text`, `too-much-text`,
        `archive-too-large`, `unsafe-file`."""
        with Package(path) as package:
            root, body = package.body("office:text")
            pages = package.tree(STYLES)
            styles = Styles.of(root, pages)
            writer = BlockWriter(limits)
            reader = Reader(writer, styles, limits, package)
            reader.read(body)
            reader.notes(body)
            for text in _frames(pages, styles):
                reader.add("note", text)
            title, metadata = package.about()
        parsed = writer.document(title=reader.title or title, metadata=metadata)
        if not parsed.blocks:
            raise ParseError("no-text", "The document holds no text.")
        return parsed


def _frames(pages: Any, styles: Styles) -> list[str]:
    """Headers and footers that say something, each once."""
    found: dict[str, None] = {}
    for master in () if pages is None else pages.iter(qn("style:master-page")):
        for frame in master:
            text = clean.one_line(text_of(frame, styles))
            if says_something(text):
                found[text] = None
    return list(found)
