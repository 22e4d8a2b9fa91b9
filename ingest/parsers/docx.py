"""Word documents (DOCX, DOCM, DOTX, DOTM), in document order, with their notes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.opc.constants import CONTENT_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from lxml import etree

from ingest.parsers import clean
from ingest.parsers.archive import check_archive, check_entities
from ingest.parsers.base import BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.docx_blocks import Reader
from ingest.parsers.docx_numbering import Numbering
from ingest.parsers.docx_package import texts_alone
from ingest.parsers.docx_styles import Styles
from ingest.parsers.office import core_metadata, core_title, refusal, says_something

_NOTES = ("footnotes", "endnotes", "comments")
_DAMAGED = "The Word file is damaged. Open it in a word processor and save it anew."
_FRAMES = ("header", "footer")
#: Templates and files with macros hold the same parts.
_ALIKE = (
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    "application/vnd.ms-word.document.macroEnabled.main+xml",
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
)


class DocxParser:
    media_types = ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `no-text`, `archive-too-large`, `unsafe-file`,
        `nested-too-deep`."""
        check_archive(path)
        check_entities(path)
        document = _open(path)
        writer = BlockWriter(limits)
        reader = Reader(writer, Styles.of(document), Numbering.of(document), document.part)
        try:
            reader.read(document.element.body)
            _write_rest(document, reader)
        except etree.XMLSyntaxError as error:
            raise refusal(error, _DAMAGED) from error
        parsed = writer.document(
            title=reader.title or core_title(document),
            warnings=_unread(reader.unread),
            metadata=core_metadata(document),
        )
        if not parsed.blocks:
            raise ParseError("no-text", "The document holds no text.")
        return parsed


def _open(path: Path) -> Any:
    # The library answers damage with whatever the damaged part led to: KeyError, XMLSyntaxError,
    # BadZipFile, AttributeError ... Only running out of memory means something else.
    try:
        document = docx.Document(texts_alone(path, CONTENT_TYPE.WML_DOCUMENT_MAIN, _ALIKE))
        if document.element.body is None:
            raise ValueError("no body")
    except MemoryError:
        raise
    except Exception as error:
        raise refusal(error, _DAMAGED) from error
    return document


def _write_rest(document: Any, reader: Reader) -> None:
    """Footnotes, endnotes, comments; then headers and footers that say something, each once."""
    for kind in _NOTES:
        for root in _parts(document, kind):
            for note in root:
                # Separators between text and notes have a type, and are none.
                if isinstance(note.tag, str) and note.get(qn("w:type")) is None:
                    reader.writer.add("note", clean.lines(reader.texts.of(note)))
    frames: dict[str, None] = {}
    for kind in _FRAMES:
        for root in _parts(document, kind):
            text = clean.one_line(reader.texts.of(root))
            if says_something(text):
                frames[text] = None
    for text in frames:
        reader.writer.add("note", text)


def _parts(document: Any, kind: str) -> Iterator[Any]:
    """Roots of the parts of a kind. Raises XMLSyntaxError for a damaged one."""
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.rsplit("/", 1)[-1] == kind:
            yield parse_xml(relation.target_part.blob)


def _unread(names: list[str]) -> tuple[Notice, ...]:
    if not names:
        return ()
    return (Notice("parts-not-read", len(names), len(names), ", ".join(names[:5])),)
