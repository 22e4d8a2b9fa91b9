"""Takes a message's own words apart from those that it quotes, and from its signature."""

import re
from dataclasses import dataclass
from typing import Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.parsers.html import check_depth

MAX_SIGNATURE = 300
MAX_QUOTES = 100

_QUOTED = re.compile(r"^(?:> ?)+")
_WROTE = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Em|Den) .{4,300}"
    r"(?:wrote|schrieb|a \u00e9crit|escribi\u00f3|ha scritto|schreef|escreveu|skrev).{0,120}:\s*$",
    re.IGNORECASE | re.DOTALL,
)
_ORIGINAL = re.compile(
    r"\s*(?:-{2,}\s*(?:Original Message|Original-Nachricht|Urspr\u00fcngliche Nachricht|Message d'origine"
    r"|Original Appointment|Mensaje original)\s*-{2,}|_{20,}\s*$)",
    re.IGNORECASE,
)
_FROM = re.compile(r"\s*\*?(?:From|Von|De|Exp\u00e9diteur)\s*:\*?\s*\S", re.IGNORECASE)
_SENT = re.compile(r"\s*\*?(?:Sent|Gesendet|Date|Datum|Envoy\u00e9)\s*:\*?\s*\S", re.IGNORECASE)
_FORWARDED = re.compile(
    r"Forwarded message|Weitergeleitete Nachricht|Message transf\u00e9r\u00e9|Begin forwarded message|"
    r"Anfang der weitergeleiteten",
    re.IGNORECASE,
)
_FORWARDS = re.compile(r"\s*(?:fwd?|wg|tr|rv|i)\s*:", re.IGNORECASE)
_HISTORY = (
    'blockquote[type="cite"], .gmail_quote, .yahoo_quoted, .protonmail_quote, .moz-cite-prefix, '
    "#divRplyFwdMsg, #appendonsend, .OutlookMessageHeader"
)
#: Outlook marks where the history begins, not what it is: all that follows.
_FROM_HERE = frozenset(["divRplyFwdMsg", "appendonsend"])


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Literal["new", "quoted", "signature"]
    text: str


def forwards(subject: str) -> bool:
    """Whether a message passes another one on: then that is what it says."""
    return _FORWARDS.match(subject) is not None


def pieces(body: str, *, forwarded: bool = False) -> list[Piece]:
    """A plain body in order: one quotation stands last, several stay between their answers."""
    lines = body.split("\n")
    kinds = _kinds(lines, forwarded)
    found: list[Piece] = []
    start = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or kinds[place] != kinds[start]:
            _add(found, kinds[start], lines[start:place])
            start = place
    if not any(piece.kind == "new" for piece in found):
        return [Piece("new", piece.text) for piece in found]
    if sum(piece.kind == "quoted" for piece in found) == 1:
        found.sort(key=lambda piece: piece.kind == "quoted")
    return found


def begins_history(text: str) -> bool:
    """Whether a block of a body says that what follows is quoted."""
    lines = text.split("\n")
    return _ORIGINAL.match(text) is not None or _is_header(lines, 0) or bool(_WROTE.match(text))


def split_html(source: str, *, forwarded: bool) -> tuple[str, list[str]]:
    """The HTML without what it quotes, and that. Raises ParseError `nested-too-deep`.

    Answers written between several quotations stay where they are: without them they say nothing.
    """
    check_depth(source)
    tree = LexborHTMLParser(source)
    if forwarded or tree.body is None:
        return source, []
    nodes = _outermost(tree.css(_HISTORY))
    if not nodes or sum("moz-cite" not in (n.attributes.get("class") or "") for n in nodes) > 1:
        return source, []
    nodes += _following(nodes[-1])
    quoted = [node.html or "" for node in nodes]
    for node in nodes:
        node.decompose()
    return tree.html or "", quoted


def _kinds(lines: list[str], forwarded: bool) -> list[str]:
    kinds: list[str] = []
    kind = "new"
    for place, line in enumerate(lines):
        if kind != "rest" and not forwarded and (_ORIGINAL.match(line) or _is_header(lines, place)):
            kind = "rest"
        if kind != "rest":
            if line.startswith(">"):
                _take_attribution(lines, kinds)
                kind = "quoted"
            elif line in ("-- ", "--"):
                kind = "signature"
            elif kind == "quoted" and line.strip():
                kind = "new"
        kinds.append("quoted" if kind == "rest" else kind)
    return kinds


def _is_header(lines: list[str], place: int) -> bool:
    """The first lines of a message as Outlook quotes it: From, then Sent."""
    return _FROM.match(lines[place]) is not None and any(
        _SENT.match(line) for line in lines[place + 1 : place + 3]
    )


def _take_attribution(lines: list[str], kinds: list[str]) -> None:
    """Make "On ... wrote:" part of the quotation that begins here."""
    place = len(kinds)
    end = place
    while end and not lines[end - 1].strip() and place - end < 3:
        end -= 1
    for size in (1, 2, 3):
        if end - size >= 0 and _WROTE.match("\n".join(lines[end - size : end])):
            kinds[end - size :] = ["quoted"] * (place - end + size)
            return


def _add(found: list[Piece], kind: str, lines: list[str]) -> None:
    if kind == "quoted":
        text = "\n".join(_QUOTED.sub("", line, count=1) for line in lines)
        piece = Piece("quoted", text)
    elif kind == "signature":
        piece = Piece("signature", "\n".join(lines[1:])[:MAX_SIGNATURE])
    else:
        piece = Piece("new", "\n".join(lines))
    if piece.text.strip():
        found.append(piece)


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Those of `nodes` that lie in no other of them; with Outlook's mark, what follows it, too."""
    kept: dict[int, LexborNode] = {}
    for node in nodes[:MAX_QUOTES]:
        parent = node.parent
        while parent is not None and parent.mem_id not in kept:
            parent = parent.parent
        if parent is not None or _FORWARDED.search((node.text() or "")[:2_000]):
            continue
        kept[node.mem_id] = node
        if (node.attributes.get("id") or "") in _FROM_HERE:
            break
    return list(kept.values())


def _following(node: LexborNode) -> list[LexborNode]:
    found: list[LexborNode] = []
    following = node.next if (node.attributes.get("id") or "") in _FROM_HERE else None
    while following is not None:
        found.append(following)
        following = following.next
    return found
