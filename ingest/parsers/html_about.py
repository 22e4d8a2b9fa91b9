"""What a web page says of itself: author, description, dates."""

from selectolax.lexbor import LexborHTMLParser

from ingest.parsers import clean, dates

#: Names of meta elements for each key of base.METADATA, the best first.
_NAMES = {
    "author": ("author", "article:author", "dc.creator", "dcterms.creator", "parsely-author"),
    "subject": ("description", "og:description", "dc.description", "dcterms.description"),
    "keywords": ("keywords", "dc.subject", "parsely-tags"),
    "created": (
        "article:published_time", "dcterms.created", "dcterms.issued", "dc.date", "dcterms.date",
        "date", "datepublished", "pubdate", "parsely-pub-date", "created",
    ),
    "modified": (
        "article:modified_time", "dcterms.modified", "og:updated_time", "datemodified", "revised",
        "last-modified", "modified",
    ),
}  # fmt: skip


def metadata(tree: LexborHTMLParser) -> dict[str, str]:
    """Keys of base.METADATA, each only where a meta element of the page says it."""
    said: dict[str, str] = {}
    for element in tree.css("meta"):
        given = element.attributes
        name = given.get("name") or given.get("property") or given.get("itemprop")
        name = (name or given.get("http-equiv") or "").strip().lower()
        content = clean.one_line(given.get("content") or "")
        if content:
            said.setdefault(name, content)
    found: dict[str, str] = {}
    for key, names in _NAMES.items():
        values = (said[name] for name in names if name in said)
        if key in ("created", "modified"):
            values = (time for value in values if (time := dates.iso(value)))
        elif key == "author":
            values = (value for value in values if "://" not in value)
        if value := next(values, ""):
            found[key] = value
    return found
