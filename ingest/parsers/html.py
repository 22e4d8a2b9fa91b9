"""HTML: what a reader reads, without the frame around it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.parsers import clean, decode
from ingest.parsers.base import BlockKind, BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.html_about import metadata
from ingest.parsers.html_tables import is_data, node_text, read_table

#: Deeper nesting than this is not written by people, and the tree builder becomes quadratic on it.
MAX_DEPTH = 500
#: The main part counts as found when it holds at least this share of the text.
MAIN_SHARE = 0.2

# Possessive: an endless name is looked through once, not once from each of its letters.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)[^<>]*?(/?)>")
# End tags of these may be left out, and void elements have none: they say nothing of depth.
_FLAT = frozenset([
    "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup", "rt",
    "rp", "html", "head", "body", "area", "base", "br", "col", "embed", "hr", "img", "input", "link",
    "meta", "param", "source", "track", "wbr",
])  # fmt: skip
_NEVER = frozenset([
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "canvas",
    "audio", "video", "map", "head", "link", "meta", "select", "datalist", "textarea", "input",
    "progress", "meter", "dialog",
])  # fmt: skip
_FRAME = frozenset(["nav", "footer", "aside", "button"])
_FRAME_ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "search", "menu", "menubar", "alertdialog"]
)
_BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "html",
    "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "caption",
])  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


class HtmlParser:
    media_types = ("text/html", "application/xhtml+xml")

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `no-text`, `too-much-text`, `nested-too-deep`."""
        if path.stat().st_size > 4 * limits.max_chars:
            raise limits.too_much_text()
        return parse_html(decode.decode(path.read_bytes(), html=True), limits)


def parse_html(source: str, limits: Limits) -> ParsedDocument:
    check_depth(source)
    tree = LexborHTMLParser(source)
    if tree.body is None:
        raise ParseError("no-text", "The page holds no text.")
    writer = BlockWriter(limits)
    _Reader(writer, main=True).read(_main(tree.body))
    about = metadata(tree)
    document = writer.document(title=_title(tree), metadata=about)
    if not document.blocks:
        writer = BlockWriter(limits)
        _Reader(writer, main=False).read(tree.body)
        document = writer.document(title=_title(tree), metadata=about)
    if not document.blocks:
        raise ParseError(
            "no-text", "The page holds no text. Pages that scripts fill must be saved as shown."
        )
    return document


def write_fragment(source: str, writer: BlockWriter) -> None:
    """Blocks of HTML that stands inside another format. Raises ParseError as parse_html does."""
    check_depth(source)
    tree = LexborHTMLParser(source)
    if tree.body is not None:
        _Reader(writer, main=False).read(tree.body)


def check_depth(source: str) -> None:
    """Count how deep tags are nested. Raises ParseError `nested-too-deep`.

    Cannot see what the tree builder adds or moves (formatting elements are repeated in each block
    that they were left open in); the time and memory of the child process bound that.
    """
    depth = 0
    for closing, name, empty in _TAG.findall(source):
        if empty or name.lower() in _FLAT:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        if depth > MAX_DEPTH:
            raise ParseError(
                "nested-too-deep",
                f"The page nests more than {MAX_DEPTH} elements. Save it anew with a browser or as text.",
            )


def _main(body: LexborNode) -> LexborNode:
    """The element that holds the article, or the body where none stands out."""
    whole = len(body.text(strip=True)) or 1
    for selector in ("main", '[role="main"]', "article"):
        found = body.css(selector)
        if len(found) == 1 and len(found[0].text(strip=True)) >= MAIN_SHARE * whole:
            return found[0]
    return body


def _title(tree: LexborHTMLParser) -> str:
    """The page's title; its first heading where the title is that with the site's name around it."""
    title = node_text(tree.css_first("title"))
    heading = node_text(tree.css_first("h1"))
    return heading if heading and (heading in title or not title) else title


@dataclass
class _Reader:
    """Walks a tree without recursion and writes a block at each border of a block element."""

    writer: BlockWriter
    main: bool
    parts: list[str] = field(default_factory=list)
    lists: list[list[int | None]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    item_open: bool = False

    def read(self, root: LexborNode) -> None:
        for node, leaving in _walk(root, self._skips):
            tag = node.tag or ""
            if node.is_text_node:
                self.parts.append(node.text_content or "")
            elif self._is_left_out(node, tag):
                continue
            elif leaving:
                self._leave(tag)
            else:
                self._enter(node, tag)
        self._flush()

    def _skips(self, node: LexborNode) -> bool:
        """Whether the walk passes over the children of `node`."""
        tag = node.tag or ""
        return tag == "pre" or (tag == "table" and is_data(node)) or self._is_left_out(node, tag)

    def _is_left_out(self, node: LexborNode, tag: str) -> bool:
        """Whether nothing of it is read: it neither begins nor ends anything."""
        return tag in _NEVER or _is_hidden(node) or (self.main and self._is_frame(node, tag))

    def _is_frame(self, node: LexborNode, tag: str) -> bool:
        if tag == "header" or (node.attributes.get("role") or "") in _FRAME_ROLES:
            return node.css_first("h1") is None
        return tag in _FRAME and not any(
            name in _HEADINGS or name == "summary" for name in self.open
        )

    def _enter(self, node: LexborNode, tag: str) -> None:
        if tag == "br":
            self.parts.append("\n")
        elif tag == "img":
            self.parts.append(f" {node.attributes.get('alt') or ''} ")
        elif tag in _BLOCKS:
            self._flush()
            self._open_block(node, tag)
        self.open.append(tag)

    def _open_block(self, node: LexborNode, tag: str) -> None:
        if tag in ("ul", "ol"):
            self.lists.append([_start(node) if tag == "ol" else None])
        elif tag in ("li", "dd"):
            self.item_open = True
        elif tag == "pre":
            self.writer.add("code", clean.clean(node.text()).strip("\n"))
        elif tag == "table" and is_data(node):
            self._write_table(node)

    def _leave(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush()
        if tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        while self.open and self.open.pop() != tag:
            pass

    def _flush(self) -> None:
        text = clean.lines(_collapse(self.parts))
        self.parts.clear()
        if not text:
            return
        kind, level = self._kind()
        if kind == "heading":
            text = clean.one_line(text)
        if kind == "list_item" and self.item_open:
            text = self._marker() + text
            self.item_open = False
        self.writer.add(kind, text, level=level)

    def _kind(self) -> tuple[BlockKind, int]:
        for tag in reversed(self.open):
            if tag in _HEADINGS:
                return "heading", _HEADINGS[tag]
            if tag in ("li", "dd"):
                return "list_item", max(1, len(self.lists))
            if tag in ("figcaption", "caption"):
                return "caption", 0
        return "paragraph", 0

    def _marker(self) -> str:
        counter = self.lists[-1] if self.lists else [None]
        if counter[0] is None:
            return "- "
        counter[0] += 1
        return f"{counter[0] - 1}. "

    def _write_table(self, node: LexborNode) -> None:
        self.writer.add("caption", node_text(node.css_first("caption")))
        rows, header_rows = read_table(node)
        if len(rows) and max(len(row) for row in rows) > 1:
            self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)
        else:
            self.writer.add("paragraph", clean.table_text(rows))


def _walk(
    root: LexborNode, skips: Callable[[LexborNode], bool]
) -> Iterator[tuple[LexborNode, bool]]:
    """(node, leaving) in document order; children of what `skips` names are passed over."""
    node: LexborNode | None = root
    depth = 0
    while node is not None:
        yield node, False
        child = None if node.is_text_node or skips(node) else node.first_child
        if child is not None:
            node, depth = child, depth + 1
            continue
        while node is not None:
            if not node.is_text_node:
                yield node, True
            if depth == 0:
                return
            if node.next is not None:
                node = node.next
                break
            node, depth = node.parent, depth - 1


def _collapse(parts: list[str]) -> str:
    """Line breaks of the source are spaces; those of <br> stand as parts of their own."""
    return "".join(part if part == "\n" else re.sub(r"\s+", " ", part) for part in parts)


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    return "hidden" in attributes or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))


def _start(node: LexborNode) -> int:
    value = node.attributes.get("start") or "1"
    return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else 1
