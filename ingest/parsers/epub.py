"""Books (EPUB): the chapters in the order of their spine, each read as HTML."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from ingest.parsers import clean, decode, html, nested
from ingest.parsers.archive import MAX_XML, check_archive
from ingest.parsers.base import Block, BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.html_tables import node_text

#: Chapters of a book, and entries of its table of contents.
MAX_CHAPTERS = 5_000

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_DAMAGED = "The book is damaged. Open it in the program that made it and save it anew."
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_ENTITY = re.compile(b"<!ENTITY" + b"|" + "<!ENTITY".encode("utf-16-le"), re.IGNORECASE)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.-]{2,40})""")
_CLOSED = re.compile(r"<([a-zA-Z][\w:-]{0,40})(?![\w:-])([^<>]*)/>")
# HTML has these without an end; any other that XHTML closes at once would swallow what follows.
_VOID = frozenset([
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
])  # fmt: skip


class EpubParser:
    media_types = ("application/epub+zip",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file.

        Raises ParseError `damaged`, `encrypted`, `unsafe-file`, `archive-too-large`, `no-text`,
        `too-much-text`, `nested-too-deep`.
        """
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            book = _Book.of(archive)
            document = book.read(limits)
        if not document.blocks:
            raise ParseError("no-text", "The book holds no text.")
        return document


@dataclass
class _Book:
    archive: zipfile.ZipFile
    package: etree._Element
    names: frozenset[str]
    #: Where its hrefs begin.
    folder: str
    unread: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, archive: zipfile.ZipFile) -> "_Book":
        names = frozenset(archive.namelist())
        container = _xml(archive, names, _CONTAINER)
        rootfile = _first(container, "rootfile")
        name = "" if rootfile is None else rootfile.get("full-path", "")
        return cls(archive, _xml(archive, names, name), names, posixpath.dirname(name))

    def read(self, limits: Limits) -> ParsedDocument:
        chapters = self._chapters()
        self._refuse_locked(chapters)
        titles, writer = self._titles(), BlockWriter(limits)
        for name in chapters:
            self._read_chapter(name, titles.get(name, ""), writer, limits)
        if self.unread and len(self.unread) == len(chapters):
            raise ParseError("damaged", _DAMAGED)
        notice = Notice(
            "parts-not-read", len(self.unread), len(chapters), ", ".join(self.unread)[:300]
        )
        return writer.document(
            title=self._says("title"),
            metadata=self._metadata(),
            warnings=(notice,) if self.unread else (),
        )

    def _read_chapter(self, name: str, title: str, writer: BlockWriter, limits: Limits) -> None:
        """One file of the spine; a broken one is counted, since others may be whole."""
        try:
            blocks = _blocks(_page(self.archive, name), limits)
        except ParseError as error:
            if error.code == "too-much-text":
                raise
            self.unread.append(name)
            return
        if title and not any(block.kind == "heading" for block in blocks):
            writer.add("heading", title, level=1)
        for block in blocks:
            nested.copy(writer, block)

    def _chapters(self) -> list[str]:
        """Names in the archive of the pages of the spine, once each; not the table of contents."""
        items = {item.get("id", ""): item for item in _all(self.package, "item")}
        found: dict[str, None] = {}
        for reference in _all(self.package, "itemref"):
            item = items.get(reference.get("idref", ""))
            if item is None or item.get("media-type", "") not in _PAGES:
                continue
            name = self._named(self.folder, item.get("href", ""))
            if name and "nav" not in item.get("properties", "").split():
                found[name] = None
        return list(found)[:MAX_CHAPTERS]

    def _named(self, folder: str, href: str) -> str:
        """The member of the archive that a reference means, "" for one that is not in its list."""
        path = unquote(href.partition("#")[0])
        name = posixpath.normpath(posixpath.join(folder, path)).lstrip("/") if path else ""
        return name if name in self.names else ""

    def _titles(self) -> dict[str, str]:
        """What the table of contents calls each page: the first entry that leads there."""
        titles: dict[str, str] = {}
        for item in _all(self.package, "item"):
            is_nav = "nav" in item.get("properties", "").split()
            if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
                continue
            name = self._named(self.folder, item.get("href", ""))
            entries = _nav_entries if is_nav else _ncx_entries
            try:
                for href, title in entries(self.archive, self.names, name):
                    target = self._named(posixpath.dirname(name), href)
                    titles.setdefault(target, clean.one_line(title)[:300])
            except ParseError as error:
                if error.code == "unsafe-file":
                    raise
        return titles

    def _refuse_locked(self, chapters: list[str]) -> None:
        """Shops lock the text of books; fonts may be scrambled in any book. Raises `encrypted`."""
        if _ENCRYPTION not in self.names:
            return
        tree = _xml(self.archive, self.names, _ENCRYPTION)
        locked = {self._named("", each.get("URI", "")) for each in _all(tree, "CipherReference")}
        if locked & set(chapters):
            raise ParseError(
                "encrypted", "The book is locked for one reader (DRM). Upload a copy without that."
            )

    def _says(self, name: str) -> str:
        """What the package says of the book in the Dublin Core."""
        values = [clean.one_line(each.text or "") for each in _all(self.package, name)]
        return ", ".join(value for value in values[:20] if value)

    def _metadata(self) -> dict[str, str]:
        modified = [
            each.text or ""
            for each in _all(self.package, "meta")
            if each.get("property") == "dcterms:modified"
        ]
        found = {
            "author": self._says("creator"),
            "keywords": self._says("subject"),
            "created": self._says("date").split(", ")[0],
            "modified": clean.one_line(modified[0]) if modified else "",
        }
        return {key: value for key, value in found.items() if value}


def _blocks(source: str, limits: Limits) -> tuple[Block, ...]:
    writer = BlockWriter(limits)
    html.write_fragment(source, writer)
    return writer.document().blocks


def _data(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's bytes. Raises ParseError `damaged`, `archive-too-large`, `unsafe-file`."""
    if archive.getinfo(name).file_size > MAX_XML:
        raise ParseError("archive-too-large", "A chapter of the book is too large. Split it.")
    data = nested.content_of(archive, archive.getinfo(name), MAX_XML)
    if data is None:
        raise ParseError("damaged", _DAMAGED)
    if _ENTITY.search(data):
        raise ParseError(
            "unsafe-file", "The book declares XML entities. Save it anew without them."
        )
    return data


def _page(archive: zipfile.ZipFile, name: str) -> str:
    """A chapter as HTML, in the encoding that its XML declaration names."""
    data = _data(archive, name)
    declared = _DECLARED.match(data[:200])
    try:
        text = data.decode(declared[1].decode() if declared else "utf-8")
    except (LookupError, ValueError):
        text = decode.decode(data, html=True)
    return _CLOSED.sub(_opened, text)


def _opened(found: re.Match[str]) -> str:
    tag = found[1]
    return found[0] if tag.lower() in _VOID else f"<{tag}{found[2]}></{tag}>"


def _xml(archive: zipfile.ZipFile, names: frozenset[str], name: str) -> etree._Element:
    """Raises ParseError `damaged`, `unsafe-file`. Resolves nothing, whatever a declaration says."""
    if name not in names:
        raise ParseError("damaged", _DAMAGED)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False
    )
    try:
        tree = etree.fromstring(_data(archive, name), parser)
    except etree.XMLSyntaxError as error:
        raise ParseError("damaged", _DAMAGED) from error
    if tree is None:
        raise ParseError("damaged", _DAMAGED)
    return tree


def _all(tree: etree._Element, name: str) -> list[etree._Element]:
    """Elements by name, whatever their namespace: books have them wrong."""
    return list(tree.iter(f"{{*}}{name}"))[: 4 * MAX_CHAPTERS]


def _first(tree: etree._Element, name: str) -> etree._Element | None:
    return next(tree.iter(f"{{*}}{name}"), None)


def _ncx_entries(
    archive: zipfile.ZipFile, names: frozenset[str], name: str
) -> Iterator[tuple[str, str]]:
    """(reference, title) of the older table of contents."""
    for point in _all(_xml(archive, names, name), "navPoint"):
        text, content = _first(point, "text"), _first(point, "content")
        if text is not None and content is not None:
            yield content.get("src", ""), text.text or ""


def _nav_entries(
    archive: zipfile.ZipFile, names: frozenset[str], name: str
) -> Iterator[tuple[str, str]]:
    """(reference, title) of the newer table of contents, which is a page."""
    if name not in names:
        return
    page = _page(archive, name)
    html.check_depth(page)
    for link in LexborHTMLParser(page).css("nav a[href]")[:MAX_CHAPTERS]:
        yield link.attributes.get("href") or "", node_text(link)
