"""Outlook messages, made where a test needs them: the libraries read them and write none."""

import datetime as dt
import struct
from collections.abc import Sequence
from typing import Any

from tests.parsing import ole

#: Names of streams and storages to bytes and to trees of the same kind.
Tree = dict[str, Any]

_UNICODE, _BINARY, _INTEGER, _TIME = 0x001F, 0x0102, 0x0003, 0x0040
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
ATTACHED_STORAGE = "__substg1.0_3701000D"


def message(
    strings: dict[int, str],
    *,
    binaries: dict[int, bytes] | None = None,
    sent: dt.datetime | None = None,
    people: Sequence[tuple[int, str, str]] = (),
    attached: Sequence[Tree] = (),
    embedded: bool = False,
) -> Tree:
    """A message: strings and binaries by number of property; people are (type, name, address)."""
    fixed = [(0x0039, _TIME, _filetime(sent))] if sent else []
    tree = _item(24 if embedded else 32, strings, binaries or {}, fixed)
    for number, (kind, name, address) in enumerate(people):
        person = _item(8, {0x3001: name, 0x39FE: address}, {}, [(0x0C15, _INTEGER, kind)])
        tree[f"__recip_version1.0_#{number:08X}"] = person
    for number, each in enumerate(attached):
        tree[f"__attach_version1.0_#{number:08X}"] = each
    return tree


def attachment(name: str, data: bytes, *, content_id: str = "") -> Tree:
    """A file, filled up with blanks: streams are padded (see ole.compound), and zeros are no text."""
    data = data.ljust(-(-len(data) // 4096) * 4096)
    strings = {0x3707: name, **({0x3712: content_id} if content_id else {})}
    return _item(8, strings, {0x3701: data}, [(0x3705, _INTEGER, 1)])


def attached_message(name: str, inner: Tree) -> Tree:
    item = _item(8, {0x3001: name}, {}, [(0x3705, _INTEGER, 5)])
    return {**item, ATTACHED_STORAGE: inner}


def compound(tree: Tree) -> bytes:
    """A compound file with storages in storages, which ole.compound has not."""
    nodes: list[tuple[str, int, bytes]] = [("Root Entry", ole._ROOT, b"")]
    links = [[ole._FREE] * 3]
    _add(tree, 0, nodes, links)
    directory = ole._padded(
        b"".join(ole._entry(*node, link) for node, link in zip(nodes, links, strict=True)), 512
    )
    contents = [data for _, _, data in nodes if data]
    counts = [len(part) // 512 for part in (directory, *contents)]
    tables = ole._tables(sum(counts))
    chain = [ole._TABLE] * tables
    for count in counts:
        chain += [*range(len(chain) + 1, len(chain) + count), ole._END]
    chain += [ole._FREE] * (tables * 128 - len(chain))
    return b"".join(
        [
            ole._header(tables),
            struct.pack(f"<{len(chain)}I", *chain),
            ole._placed(directory, counts, tables),
            *contents,
        ]
    )


def _add(tree: Tree, owner: int, nodes: list[Any], links: list[list[int]]) -> None:
    numbers, folders = [], []
    for name, content in tree.items():
        numbers.append(len(nodes))
        links.append([ole._FREE] * 3)
        if isinstance(content, dict):
            folders.append((len(nodes), content))
            nodes.append((name, ole._STORAGE, b""))
        else:
            nodes.append((name, ole._STREAM, ole._padded(content or b"\0", 4096)))
    links[owner][2] = ole._tree(numbers, links)
    for number, content in folders:
        _add(content, number, nodes, links)


def _item(
    header: int,
    strings: dict[int, str],
    binaries: dict[int, bytes],
    fixed: list[tuple[int, int, int]],
) -> Tree:
    tree: Tree = {}
    rows = [struct.pack("<HHIQ", kind, number, 6, value) for number, kind, value in fixed]
    for number, text in strings.items():
        tree[f"__substg1.0_{number:04X}{_UNICODE:04X}"] = text.encode("utf-16-le")
        rows.append(struct.pack("<HHIQ", _UNICODE, number, 6, len(text) * 2 + 2))
    for number, data in binaries.items():
        tree[f"__substg1.0_{number:04X}{_BINARY:04X}"] = data
        rows.append(struct.pack("<HHIQ", _BINARY, number, 6, len(data)))
    return {"__properties_version1.0": bytes(header) + b"".join(rows), **tree}


def _filetime(moment: dt.datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) * 10_000_000
