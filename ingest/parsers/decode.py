"""Bytes of unknown encoding to text."""

import codecs
import re

_BOMS = [
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_META = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
#: Code pages of DOS, mainframes and the old Macintosh: what looks like them today is cp1252.
_EXTINCT = [
    "cp037", "cp273", "cp424", "cp437", "cp500", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855",
    "cp856", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp866", "cp869",
    "cp875", "cp1006", "cp1026", "cp1125", "cp1140", "hp_roman8", "kz1048", "ptcp154", "mac_croatian",
    "mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_roman", "mac_turkish",
]  # fmt: skip
#: charset-normalizer weighs each candidate on the whole sample; more than this buys nothing.
SAMPLE = 64 * 1024


def by_bom(head: bytes) -> str:
    """The encoding that a byte order mark names, or ""."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), "")


def wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, seen by where the zero bytes lie, or ""."""
    sample = head[: 4096 - len(head[:4096]) % 4]
    if len(sample) < 8 or b"\0" not in sample:
        return ""
    count = len(sample) // 4
    zeros = [sample[place::4].count(0) / count for place in range(4)]
    patterns = {
        "utf-32-le": (0, 0, 1, 1),
        "utf-32-be": (1, 1, 0, 0),
        "utf-16-le": (0, 1, 0, 1),
        "utf-16-be": (1, 0, 1, 0),
    }
    for name, pattern in patterns.items():
        if all(
            share > 0.7 if zero else share < 0.3 for share, zero in zip(zeros, pattern, strict=True)
        ):
            return name
    return ""


def detect(head: bytes, *, html: bool = False) -> str:
    """The most likely encoding of a text that begins with `head`. Never fails: at worst cp1252."""
    named = by_bom(head) or wide(head)
    if named:
        return named
    if _is_utf8(head):
        return "utf-8"
    declared = _META.search(head[:4096]) if html else None
    if declared and (name := _known(declared[1].decode("ascii", "replace"))):
        return name
    return _guess(head[:SAMPLE])


def decode(data: bytes, *, html: bool = False) -> str:
    """The text of `data`; what its encoding cannot say becomes U+FFFD."""
    encoding = detect(data[: 4 * SAMPLE], html=html)
    if encoding == "utf-8" and not _is_utf8(data):
        encoding = _guess(data[-SAMPLE:])
    return data.decode(encoding, "replace")


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name)
    except LookupError:
        return ""
    # codecs such as "hex" or "zip" are no text encodings; UTF-16 in a <meta> that is readable lies.
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and not found.name.startswith(("utf-16", "utf-32")) else ""


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(
        sample, steps=5, chunk_size=1024, preemptive_behaviour=False, cp_exclusion=_EXTINCT
    ).best()
    return best.encoding if best is not None else "cp1252"
