"""Books (EPUB)."""

from pathlib import Path

import pytest

from ingest.guard import detect_media_type
from ingest.parsers.base import ParsedDocument
from ingest.parsers.registry import EPUB
from tests.parsing import files

CONTAINER = b"""<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" version="3.0">
<metadata><dc:title>The Handbook</dc:title><dc:creator>Anna Roth</dc:creator><dc:creator>Bo</dc:creator>
<dc:date>2024-05-03</dc:date><dc:subject>Travel</dc:subject>
<meta property="dcterms:modified">2024-06-01T10:00:00Z</meta></metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>"""
DOCTYPE = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" '
    '"http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'
)
XHTML = (
    DOCTYPE
    + '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'
)


def book(path: Path, chapters: dict[str, str], **more: bytes) -> Path:
    """Chapters by name, in the order of the spine; `more` are other members."""
    items = "".join(
        f'<item id="i{number}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(chapters)
    )
    items += more.pop("items", b"").decode()
    spine = "".join(f'<itemref idref="i{number}"/>' for number in range(len(chapters)))
    members = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE.format(items=items, spine=spine).encode(),
        **{f"OEBPS/{name}": XHTML.format(body).encode() for name, body in chapters.items()},
        **{name.replace("__", "/").replace("_", "."): data for name, data in more.items()},
    }
    return files.archive(path, members)


def shape(parsed: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in parsed.blocks]


def test_chapters_in_the_order_of_the_spine(tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.epub",
        {
            "z first.xhtml": "<h1>Travel</h1><script src='x'/><p>Book&#160;early.</p>",
            "a.xhtml": "<table><tr><th>City</th><th>Rate</th></tr><tr><td>Bern</td><td>150</td></tr></table>",
        },
    )
    assert detect_media_type(path, "a.epub") == EPUB
    parsed = files.parse(path, EPUB)
    assert shape(parsed) == [
        ("heading", 1, "Travel"),
        ("paragraph", 0, "Book early."),
        ("table", 0, "City | Rate\nBern | 150"),
    ]
    assert parsed.title == "The Handbook"
    assert parsed.metadata == {
        "author": "Anna Roth, Bo", "keywords": "Travel", "created": "2024-05-03",
        "modified": "2024-06-01T10:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("items", "more"),
    [
        (b'<item id="n" properties="nav" href="nav.xhtml" media-type="application/xhtml+xml"/>',
         {"OEBPS__nav_xhtml": XHTML.format(
             '<nav><a href="a.xhtml">Hotels</a><a href="a.xhtml#x">Rates</a></nav>').encode()}),
        (b'<item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/>',
         {"OEBPS__toc_ncx": b'<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x.dtd"><ncx><navMap>'
          b'<navPoint><navLabel><text>Hotels</text></navLabel><content src="a.xhtml#top"/></navPoint>'
          b"</navMap></ncx>"}),
    ],
)  # fmt: skip
def test_chapters_without_headings_have_those_of_the_contents(
    tmp_path: Path, items: bytes, more: dict[str, bytes]
) -> None:
    chapters = {"a.xhtml": "<p>Ask for a receipt.</p>", "b.xhtml": "<h2>Own</h2><p>x</p>"}
    parsed = files.parse(book(tmp_path / "a.epub", chapters, items=items, **more), EPUB)
    assert shape(parsed)[:3] == [
        ("heading", 1, "Hotels"),
        ("paragraph", 0, "Ask for a receipt."),
        ("heading", 2, "Own"),
    ]


def test_references_lead_nowhere_else(tmp_path: Path) -> None:
    chapters = {"../../../etc/hostname": "<p>x</p>", "b.xhtml": "<p>Kept.</p>"}
    path = book(tmp_path / "a.epub", chapters)
    assert files.parse(path, EPUB).text == "Kept."


def test_locked_books(tmp_path: Path) -> None:
    def lock(name: str) -> bytes:
        return (
            b'<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:CipherData>'
            b'<e:CipherReference URI="OEBPS/' + name.encode() + b'"/></e:CipherData>'
            b"</e:EncryptedData></encryption>"
        )  # fmt: skip

    chapters = {"a.xhtml": "<p>Kept.</p>"}
    locked = book(tmp_path / "a.epub", chapters, **{"META-INF__encryption_xml": lock("a.xhtml")})
    assert files.code_of(files.parse, locked, EPUB) == "encrypted"
    fonts = book(tmp_path / "b.epub", chapters, **{"META-INF__encryption_xml": lock("f.otf")})
    assert files.parse(fonts, EPUB).text == "Kept."


def test_entities_are_refused(tmp_path: Path) -> None:
    evil = PACKAGE.replace(
        "<package", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><package'
    )
    path = book(tmp_path / "a.epub", {"a.xhtml": "<p>x</p>"}, OEBPS__book_opf=evil.encode())
    assert files.code_of(files.parse, path, EPUB) == "unsafe-file"


def test_a_broken_chapter_leaves_the_others(tmp_path: Path) -> None:
    chapters = {"a.xhtml": "<div>" * 2_000, "b.xhtml": "<p>Kept.</p>"}
    parsed = files.parse(book(tmp_path / "a.epub", chapters), EPUB)
    assert parsed.text == "Kept."
    assert [(n.code, n.count, n.total, n.names) for n in parsed.warnings] == [
        ("parts-not-read", 1, 2, "OEBPS/a.xhtml")
    ]
    alone = book(tmp_path / "b.epub", {"a.xhtml": "<div>" * 2_000})
    assert files.code_of(files.parse, alone, EPUB) == "damaged"


def test_encodings(tmp_path: Path) -> None:
    latin = XHTML.format("<p>Gr\u00fc\u00dfe</p>").replace("utf-8", "iso-8859-1").encode("latin-1")
    wide = XHTML.format("<p>Gr\u00fc\u00dfe</p>").replace("utf-8", "utf-16").encode("utf-16")
    for data in (latin, wide):
        path = book(tmp_path / "a.epub", {"a.xhtml": ""}, OEBPS__a_xhtml=data)
        assert files.parse(path, EPUB).text == "Gr\u00fc\u00dfe"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = book(tmp_path / "a.epub", {"a.xhtml": "<p> </p>"})
    assert files.code_of(files.parse, path, EPUB) == "no-text"
    path = book(tmp_path / "b.epub", {"a.xhtml": "x"}, **{"META-INF__container_xml": b"<x/>"})
    assert files.code_of(files.parse, path, EPUB) == "damaged"
    path = book(tmp_path / "c.epub", {"a.xhtml": "<p>word</p>" * 400})
    assert files.code_of(files.parse, path, EPUB, max_chars=500) == "too-much-text"
    path.write_bytes(path.read_bytes()[:-300])
    assert files.code_of(files.parse, path, EPUB) == "damaged"


def test_in_the_sandbox(tmp_path: Path) -> None:
    path = book(tmp_path / "a.epub", {"a.xhtml": "<p>Kept.</p>"})
    assert files.isolated(path, EPUB).text == "Kept."
