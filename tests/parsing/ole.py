"""Real OLE (compound) files, as small as they get: the library reads them and writes none."""

import struct

_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def compound(streams: dict[str, bytes]) -> bytes:
    """A file with these streams; "a/b" is the stream b in the storage a. Streams are padded to 4,096
    bytes, below which a second, smaller kind of table would be needed."""
    entries, contents = _entries(streams)
    directory = _padded(b"".join(entries), _SECTOR)
    body = [directory, *contents]
    counts = [len(part) // _SECTOR for part in body]
    tables = _tables(sum(counts))
    chain = [_TABLE] * tables
    for count in counts:
        start = len(chain)
        chain += [*range(start + 1, start + count), _END]
    chain += [_FREE] * (tables * 128 - len(chain))
    fat = struct.pack(f"<{len(chain)}I", *chain)
    return _header(tables) + fat + _placed(directory, counts, tables) + b"".join(contents)


def _tables(sectors: int) -> int:
    tables = 1
    while tables * 128 < sectors + tables:
        tables += 1
    return tables


def _header(tables: int) -> bytes:
    head = (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6)
    )
    head += bytes(6) + struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, _END, 0, _END, 0)
    places = [*range(min(tables, 109)), *[_FREE] * (109 - min(tables, 109))]
    return head + struct.pack("<109I", *places)


def _entries(streams: dict[str, bytes]) -> tuple[list[bytes], list[bytes]]:
    """Entries in the order root, then all others; siblings form a balanced tree of numbers."""
    nodes: list[tuple[str, int, bytes]] = [("Root Entry", _ROOT, b"")]
    children: dict[str, list[int]] = {"": []}
    for path, data in streams.items():
        folder, _, name = path.rpartition("/")
        if folder and folder not in children:
            children[folder] = []
            children[""].append(len(nodes))
            nodes.append((folder, _STORAGE, b""))
        children[folder].append(len(nodes))
        nodes.append((name, _STREAM, _padded(data or b"", 4096)))
    links = [[_FREE, _FREE, _FREE] for _ in nodes]
    for folder, numbers in children.items():
        owner = 0 if not folder else next(i for i, n in enumerate(nodes) if n[0] == folder)
        links[owner][2] = _tree(numbers, links)
    return [_entry(*node, link) for node, link in zip(nodes, links, strict=True)], [
        data for _, _, data in nodes if data
    ]


def _tree(numbers: list[int], links: list[list[int]]) -> int:
    if not numbers:
        return _FREE
    middle = len(numbers) // 2
    top = numbers[middle]
    links[top][0] = _tree(numbers[:middle], links)
    links[top][1] = _tree(numbers[middle + 1 :], links)
    return top


def _entry(name: str, kind: int, data: bytes, links: list[int]) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    return (
        wide.ljust(64, b"\0")
        + struct.pack("<HBB", len(wide), kind, 1)
        + struct.pack("<III", *links)
        + bytes(16 + 4 + 16)
        + struct.pack("<IQ", _END, len(data))
    )


def _placed(directory: bytes, counts: list[int], tables: int) -> bytes:
    """The directory with the first sector of each stream in its entry."""
    placed, sector, streams = bytearray(directory), tables + counts[0], iter(counts[1:])
    for start in range(0, len(directory), 128):
        if directory[start + 66] == _STREAM and struct.unpack_from("<Q", directory, start + 120)[0]:
            struct.pack_into("<I", placed, start + 116, sector)
            sector += next(streams)
    return bytes(placed)


def _padded(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)
