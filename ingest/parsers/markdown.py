"""Markdown (CommonMark with tables), with front matter and the tags of site generators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.parsers import clean, dates
from ingest.parsers.base import BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.html import write_fragment
from ingest.parsers.text import parse_text, read

#: The inline rules are quadratic in marks that never close; no paragraph of a person has so many.
MAX_MARKS = 2_000
MAX_FRONT_MATTER = 20_000

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z][\w-]{0,40}):[ \t]*(\S.*)$", re.MULTILINE)
_ENTRY = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:([A-Za-z][\w-]{0,40}):[ \t]+)?(\S.*)$")
#: Brackets and quotes of a list on one line: [travel, "hotel rates"].
_LIST = re.compile(r"^\[|\]$|(?<=[\[ ])[\"']|[\"'](?=[,\]])")
#: Names of fields for each key of base.METADATA, the best first.
_NAMES = {
    "author": ("author", "authors", "creator", "by"),
    "subject": ("description", "summary", "subject", "abstract", "excerpt"),
    "keywords": ("keywords", "tags"),
    "created": ("created", "date", "published", "publishdate", "date_published", "created_at"),
    "modified": (
        "modified", "updated", "lastmod", "last_modified", "last_updated", "last-updated",
        "date_modified", "updated_at", "last_reviewed",
    ),
}  # fmt: skip
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
# Code spans match first, so that a tag in one is left alone.
_SITE_TAG = re.compile(r"(`+[^`]*`+)|\{%.{0,500}?%\}|\{\{.{0,500}?\}\}|\{:.{0,200}?\}")
_COMPONENT = re.compile(
    r"^[ \t]*</?[A-Z]\w*(?:\s+[\w-]+(?:=(?:\"[^\"]*\"|'[^']*'|\{[^{}]*\}))?)*\s*/?>[ \t]*$"
)
_SAID = re.compile(r"\b(?:question|title|heading|label|summary)=(?:\"([^\"]+)\"|'([^']+)')")
_MARK = re.compile(r"[\[\]<`*_&]")
_TAG = re.compile(r"<[^<>]{0,2000}>")


class MarkdownParser:
    media_types = ("text/markdown",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `no-text`, `too-much-text`."""
        source = clean.clean(read(path, limits))
        fields, body = split_front_matter(source)
        if _is_hostile(body):
            return parse_text(source, limits, (Notice("markdown-as-text"),))
        return _parse(_without_site_tags(body, bool(fields)), fields, _prose(source, body), limits)


def split_front_matter(source: str) -> tuple[dict[str, str], str]:
    """Simple `key: value` lines of the block at the top, and the rest."""
    match = _FRONT_MATTER.match(source[:MAX_FRONT_MATTER])
    if match is None:
        return {}, source
    fields = {key.lower(): value.strip().strip("\"'") for key, value in _FIELD.findall(match[1])}
    return fields, source[match.end() :]


def _prose(source: str, body: str) -> str:
    """Lines of the front matter that say something to a reader: more than one word, no address."""
    front = source[: len(source) - len(body)]
    kept: list[str] = []
    for line in front.split("\n"):
        entry = _ENTRY.match(line)
        if entry is None or entry[1] == "title" or "://" in entry[2] or len(entry[2].split()) < 2:
            continue
        value = entry[2].strip("\"'")
        kept.append(f"{entry[1]}: {value}" if entry[1] and entry[1] != "text" else value)
    return "\n".join(kept)


def _about(fields: dict[str, str]) -> dict[str, str]:
    """Keys of base.METADATA from the names that site generators use."""
    found: dict[str, str] = {}
    for key, names in _NAMES.items():
        values = (clean.one_line(_LIST.sub("", fields[name])) for name in names if name in fields)
        if key in ("created", "modified"):
            values = (dates.iso(value) for value in values)
        if value := next((value for value in values if value), ""):
            found[key] = value
    return found


def _is_hostile(body: str) -> bool:
    return any(
        len(_MARK.findall(part)) > MAX_MARKS for part in body.split("\n\n") if len(part) > MAX_MARKS
    )


def _without_site_tags(body: str, is_site: bool) -> str:
    """Outside code: `{% tag %}`, `{{ value }}`, `{:attributes}` of a site's page dropped, and
    components on a line of their own (`<Accordion question="...">`) replaced by what they say."""
    if "{" not in body and "<" not in body:
        return body
    fence = ""
    kept: list[str] = []
    for line in body.split("\n"):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        kept.append(line if fence else _plain_line(line, is_site))
    return "\n".join(kept)


def _plain_line(line: str, is_site: bool) -> str:
    if "<" in line and _COMPONENT.match(line):
        said = _SAID.search(line)
        return f"\n###### {said[1] or said[2]}\n" if said else ""
    return _SITE_TAG.sub(r"\1", line) if is_site and "{" in line else line


def _parse(body: str, fields: dict[str, str], prose: str, limits: Limits) -> ParsedDocument:
    writer = BlockWriter(limits)
    reader = _Reader(writer)
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"])
    reader.read(parser.parse(body))
    if prose:
        reader.read(parser.parse(prose.replace("\n", "  \n")))
    title = fields.get("title") or reader.title or fields.get("name", "")
    document = writer.document(title=clean.one_line(title), metadata=_about(fields))
    if not document.blocks:
        raise ParseError("no-text", "The file holds no text.")
    return document


@dataclass
class _Reader:
    """Turns the parser's flat tokens into blocks."""

    writer: BlockWriter
    title: str = ""
    lists: list[int | None] = field(default_factory=list)
    marker: str = ""
    heading: int = 0
    rows: list[list[str]] | None = None
    header_rows: int = 0
    count: int = 0

    def read(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            handler = getattr(self, f"_on_{token.type}", None)
            if handler is not None:
                handler(token)

    def _on_heading_open(self, token: Token) -> None:
        self.heading = int(token.tag[1])

    def _on_heading_close(self, _token: Token) -> None:
        self.heading = 0

    def _on_inline(self, token: Token) -> None:
        text = clean.lines(_inline(token.children or []))
        if self.rows is not None:
            self.rows[-1].append(text)
        elif self.heading:
            self._write_heading(clean.one_line(text))
        elif self.lists:
            self.writer.add("list_item", self.marker + text if text else "", level=len(self.lists))
            self.marker = ""
            self.count += 1
        else:
            self.writer.add("paragraph", text)
            self.count += 1

    def _write_heading(self, text: str) -> None:
        if self.heading == 1 and not self.title and not self.count:
            self.title = text
        self.writer.add("heading", text, level=self.heading)

    def _on_bullet_list_open(self, _token: Token) -> None:
        self.lists.append(None)

    def _on_ordered_list_open(self, token: Token) -> None:
        self.lists.append(int(token.attrGet("start") or 1))

    def _on_bullet_list_close(self, _token: Token) -> None:
        self.lists.pop()
        self.marker = ""

    _on_ordered_list_close = _on_bullet_list_close

    def _on_list_item_open(self, _token: Token) -> None:
        number = self.lists[-1]
        self.marker = "- " if number is None else f"{number}. "
        if number is not None:
            self.lists[-1] = number + 1

    def _on_fence(self, token: Token) -> None:
        self.writer.add("code", token.content.strip("\n"))

    _on_code_block = _on_fence

    def _on_html_block(self, token: Token) -> None:
        write_fragment(token.content, self.writer)

    def _on_table_open(self, _token: Token) -> None:
        self.rows, self.header_rows = [], 0

    def _on_tr_open(self, _token: Token) -> None:
        if self.rows is not None:
            self.rows.append([])

    def _on_thead_close(self, _token: Token) -> None:
        self.header_rows = int(bool(self.rows and any(self.rows[0])))

    def _on_table_close(self, _token: Token) -> None:
        rows = clean.filled(self.rows or [])
        self.rows = None
        self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=self.header_rows)
        self.count += 1


def _inline(children: Sequence[Token]) -> str:
    """The text of inline tokens: link targets and tags dropped, alternative texts of images kept."""
    parts: list[str] = []
    for token in children:
        if token.type in ("text", "code_inline", "text_special"):
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak" or (
            token.type == "html_inline" and token.content.lower().startswith("<br")
        ):
            parts.append("\n")
        elif token.type == "image":
            parts.append(_inline(token.children or []))
    return "".join(parts)
