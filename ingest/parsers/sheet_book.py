"""The parts of an Excel package (XLSX): which sheets there are, their texts, formats and remarks.

Read with lxml, not with openpyxl: its stream knows no merged, hidden or frozen cells and no remarks,
its other reader takes fifty times the file, and both refuse odd styles and the strict variant.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any

from lxml import etree

from ingest.parsers import clean
from ingest.parsers.base import ParseError
from ingest.parsers.sheet import MAX_COLUMNS, MAX_ROWS, Area
from ingest.parsers.sheet_cells import Style
from ingest.parsers.sheet_codes import BUILTIN, GENERAL
from ingest.parsers.sheet_locale import ENGLISH, Locale, by_words

DAMAGED = "The Excel file is damaged. Open it in Excel or LibreOffice and save it anew."

_BROKEN = (
    etree.LxmlError,
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    EOFError,
    ValueError,
)
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CORE = {
    "title": "title", "creator": "author", "subject": "subject", "keywords": "keywords",
    "created": "created", "modified": "modified",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A sheet as the workbook lists it."""

    name: str
    part: str
    hidden: bool
    is_chart: bool


@dataclass(slots=True)
class Book:
    """An open package. `texts` are the shared strings."""

    archive: zipfile.ZipFile
    entries: list[Entry] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)
    date1904: bool = False
    locale: Locale = ENGLISH
    about: dict[str, str] = field(default_factory=dict)

    def related(self, part: str, kind: str) -> list[str]:
        """Parts that `part` names as its `kind` ("comments", "table"), each once and inside the package."""
        return list(dict.fromkeys(t for _, k, t in _relations(self.archive, part) if k == kind))

    def aside(self, part: str, *tags: str) -> Iterator[Any]:
        """As `stream`, of a part that a sheet can do without: where it is broken or missing, it ends."""
        try:
            yield from self.stream(part, *tags)
        except _BROKEN:
            return

    def stream(self, part: str, *tags: str) -> Iterator[Any]:
        """Elements of a part with these local names, each complete, none kept."""
        with _open(self.archive, part) as file:
            yield from elements(file, *tags)


def open_book(archive: zipfile.ZipFile) -> Book:
    """Read all but the sheets. Raises ParseError `damaged`, and what lxml and zipfile raise."""
    book = Book(archive)
    main = next(
        (t for _, k, t in _relations(archive, "") if k == "officeDocument"), "xl/workbook.xml"
    )
    tree = _tree(archive, main)
    if tree is None or _local(tree) != "workbook":
        raise ParseError("damaged", DAMAGED)
    normal: list[str] = []
    relations = {id_: (kind, target) for id_, kind, target in _relations(archive, main)}
    for element in tree.iter("{*}sheet"):
        kind, part = relations.get(_relation_id(element), ("", ""))
        hidden = element.get("state", "visible") != "visible"
        name = clean.one_line(element.get("name", ""))
        book.entries.append(Entry(name, part, hidden, kind == "chartsheet"))
    properties = tree.find("{*}workbookPr")
    book.date1904 = properties is not None and is_true(properties.get("date1904"))
    for kind, part in relations.values():
        if kind == "sharedStrings" and _has(archive, part):
            book.texts = [text_of(item) for item in book.stream(part, "si")]
        elif kind == "styles" and _has(archive, part):
            styles = _optional(archive, part)
            book.styles = _styles(styles)
            normal = [e.get("name", "") for e in styles.iterfind(".//{*}cellStyle[@builtinId='0']")]
    names = [entry.name for entry in book.entries]
    book.locale = by_words([*_words_of_program(archive), *normal, *names])
    book.about = _about(archive)
    return book


def elements(file: IO[bytes], *tags: str) -> Iterator[Any]:
    """Stream elements by local name and forget each."""
    wanted = [f"{{*}}{tag}" for tag in tags]
    for _, element in etree.iterparse(file, tag=wanted, resolve_entities=False, no_network=True):
        yield element
        parent = element.getparent()
        element.clear(keep_tail=False)
        # What came before is empty by now, but a million empty elements are no small thing.
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def text_of(item: Any) -> str:
    """The text of a shared or inline string, its runs joined, without reading aids (phonetic)."""
    parts = []
    for child in item:
        name = _local(child)
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts.extend(each.text or "" for each in child.iterfind("{*}t"))
    return unescape("".join(parts))


def unescape(text: str) -> str:
    """`_x000D_` is how a sheet writes a letter that XML cannot hold."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return clean.one_line(text)


def column_of(reference: str) -> int:
    """The column of "B12" or "B", 0 where that is none."""
    return _column(reference.rstrip("0123456789"))


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    column = 0
    for letter in letters[:4].upper():
        if not "A" <= letter <= "Z":
            return 0
        column = 26 * column + ord(letter) - 64
    return column


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column of "B12", None where that is no cell."""
    match = _REFERENCE.fullmatch(reference)
    row, column = (int(match[2]), _column(match[1])) if match else (0, 0)
    return (row, column) if 1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS else None


def area_of(reference: str) -> Area | None:
    """Top, left, bottom, right of "A1:C3"."""
    first, _, last = reference.partition(":")
    start, end = place_of(first), place_of(last or first)
    if start is None or end is None or end[0] < start[0] or end[1] < start[1]:
        return None
    return *start, *end


def is_true(value: str | None) -> bool:
    return value in ("1", "true")


def comments(book: Book, part: str) -> Iterator[tuple[int, int, str]]:
    """Remarks on cells of a sheet, threaded ones in their plain form."""
    for target in book.related(part, "comments"):
        for comment in book.aside(target, "comment"):
            place = place_of(comment.get("ref", ""))
            body = comment.find("{*}text")
            text = text_of(body) if body is not None else ""
            if place and text:
                yield *place, text


def chart_titles(book: Book, part: str) -> Iterator[str]:
    """Titles of the charts that are drawn on a sheet."""
    for drawing in book.related(part, "drawing"):
        for chart in book.related(drawing, "chart"):
            title = next(iter(book.aside(chart, "title")), None)
            words = [each.text or "" for each in title.iter("{*}t")] if title is not None else []
            if text := clean.one_line("".join(words)):
                yield text


def headed_areas(book: Book, part: str) -> Iterator[Area]:
    """Areas of a sheet that are defined as tables with a header row."""
    for target in book.related(part, "table"):
        for table in book.aside(target, "table"):
            area = area_of(table.get("ref", ""))
            if area and table.get("headerRowCount", "1") != "0":
                yield area


# --- parts ----------------------------------------------------------------------------------------
def _open(archive: zipfile.ZipFile, part: str) -> IO[bytes]:
    # archive.check_archive and check_entities looked at the parts with these endings only.
    if not part.lower().endswith((".xml", ".rels")):
        raise ParseError("damaged", DAMAGED)
    return archive.open(part)


def _has(archive: zipfile.ZipFile, part: str) -> bool:
    return part in archive.NameToInfo


def _tree(archive: zipfile.ZipFile, part: str) -> Any:
    if not _has(archive, part):
        return None
    with _open(archive, part) as file:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.parse(file, parser).getroot()


def _optional(archive: zipfile.ZipFile, part: str) -> Any:
    """A part that may be missing or broken: it says nothing then."""
    try:
        tree = _tree(archive, part)
    except _BROKEN:
        tree = None
    return etree.Element("nothing") if tree is None else tree


def _local(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _relation_id(element: Any) -> str:
    return next((v for k, v in element.attrib.items() if k.endswith("}id")), "")


def _relations(archive: zipfile.ZipFile, part: str) -> list[tuple[str, str, str]]:
    """(id, last word of its type, part) for each relation inside the package."""
    folder, name = posixpath.split(part)
    found = []
    tree = _optional(archive, posixpath.join(folder, "_rels", f"{name}.rels"))
    for element in tree.iter("{*}Relationship"):
        if element.get("TargetMode") == "External":
            continue
        target = posixpath.join("/", folder, element.get("Target", ""))
        kind = element.get("Type", "").rpartition("/")[2]
        found.append((element.get("Id", ""), kind, posixpath.normpath(target).lstrip("/")))
    return found


def _styles(tree: Any) -> list[Style]:
    """Number format and weight of each cell format, in the order in which cells name them."""
    codes = dict(BUILTIN)
    for element in tree.iter("{*}numFmt"):
        if element.get("numFmtId", "").isdigit() and element.get("formatCode"):
            codes[int(element.get("numFmtId"))] = element.get("formatCode")
    fonts = tree.find("{*}fonts")
    bold = [_is_bold(font) for font in (fonts if fonts is not None else ())]
    formats = tree.find("{*}cellXfs")
    return [_style(xf, codes, bold) for xf in (formats if formats is not None else ())]


def _is_bold(font: Any) -> bool:
    mark = font.find("{*}b")
    return mark is not None and mark.get("val", "1") not in ("0", "false")


def _style(xf: Any, codes: dict[int, str], bold: list[bool]) -> Style:
    format_id, font = xf.get("numFmtId", ""), xf.get("fontId", "")
    code = codes.get(int(format_id), GENERAL) if format_id.isdigit() else GENERAL
    return Style(code, font.isdigit() and int(font) < len(bold) and bold[int(font)])


def _words_of_program(archive: zipfile.ZipFile) -> list[str]:
    """What the program that wrote the package calls its parts ("Worksheets"), in its own language."""
    parts = [t for _, kind, t in _relations(archive, "") if kind == "extended-properties"]
    pairs = _optional(archive, parts[0]).find("{*}HeadingPairs") if parts else None
    return [each.text or "" for each in pairs.iter("{*}lpstr")] if pairs is not None else []


def _about(archive: zipfile.ZipFile) -> dict[str, str]:
    """Title, author and so on, as the package's core properties say."""
    parts = [target for _, kind, target in _relations(archive, "") if kind == "core-properties"]
    found = {}
    for element in _optional(archive, parts[0]) if parts else ():
        key = _CORE.get(_local(element))
        if key and (text := clean.one_line(element.text or "")):
            found[key] = text
    return found
