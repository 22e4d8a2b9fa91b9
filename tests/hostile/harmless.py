"""Whether a page or a file holds anything that a reader's program would load, run or follow."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

#: Attributes that load, send or lead somewhere: whatever is written there must be an address of ours.
ADDRESSES = {
    "action", "archive", "background", "cite", "classid", "codebase", "data", "formaction", "href",
    "hx-delete", "hx-get", "hx-patch", "hx-post", "hx-put", "icon", "longdesc", "manifest", "ping",
    "poster", "profile", "src", "srcset", "usemap", "xlink:href",
}  # fmt: skip
NEVER = {"applet", "audio", "base", "embed", "frame", "iframe", "math", "object", "video"}
#: Markup that our pages have none of, wherever it says so.
ODD = {"style", "srcdoc", "http-equiv", "is", "nonce"}
OURS = re.compile(r"(?:/(?![/\\])|[#?]|$)[^\\\x00-\x20]*")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in NEVER or tag == "style" or (tag == "script" and not said.get("src")):
            self.faults.append(f"<{tag}>")
        for name, value in said.items():
            if name.startswith(("on", "hx-on")) or name in ODD or "canary-" in name:
                self.faults.append(f"<{tag} {name}>")
            if name in ADDRESSES and not OURS.fullmatch(value or ""):
                self.faults.append(f"<{tag} {name}={value}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def faults_of_page(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    return reader.faults


def text_of_page(page: str) -> str:
    """What a browser shows of it."""
    reader = _Reader()
    reader.feed(page)
    return "".join(reader.text)


def events(lines: str) -> Iterator[tuple[str, str]]:
    """Name and data of each event, split as browsers split streams: at CR, LF and both."""
    blocks = re.split(r"(?:\r\n|\n|\r){2}", lines)
    for block in filter(None, blocks):
        said = [line.partition(":") for line in re.split(r"\r\n|\n|\r", block)]
        assert [name for name, _, _ in said] == ["event", "data"], block
        yield said[0][2].strip(), said[1][2].strip()
