"""A bucket, or a part of one, on a server that speaks S3 (ListObjectsV2, GetObject)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree.ElementTree import Element

from ingest.sources.base import Item, Place, SourceError
from ingest.sources.http import Http
from ingest.sources.sigv4 import SigV4

_PAGE = "1000"


class S3Source:
    """Addressed by path (`https://server/bucket/key`), which every server takes."""

    def __init__(self, url: str, bucket: str, prefix: str, region: str, place: Place) -> None:
        self.state: dict[str, str] = {}
        self.unread: list[str] = []
        auth = SigV4(place.secret, region) if place.secret.user else None
        self._http = Http(url, place, auth)
        self._bucket = f"{url.rstrip('/')}/{_coded(bucket)}"
        self._prefix = prefix

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        token, seen, found = "", set[str](), 0
        while True:
            page = self._page(token)
            entries = [each for each in page if _name(each) == "Contents"]
            if _text(page, "KeyCount") not in ("", str(len(entries))):
                raise SourceError("source-cut-off", "fewer keys than said")
            found += len(entries)
            for entry in entries:
                if item := self._item(entry):
                    yield item
            if _text(page, "IsTruncated").lower() != "true":
                return
            token = _text(page, "NextContinuationToken")
            if not token or token in seen:
                raise SourceError("source-broken", "paging")
            seen.add(token)
            # What stands for folders and what holds nothing is no item: nobody else counts it.
            self._http.limits.check_count(len(seen), found)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Iterator[bytes]]:
        headers = {"If-Match": item.version}
        with self._http.file(f"{self._bucket}/{_coded(item.key)}", item, headers) as parts:
            yield parts

    def close(self) -> None:
        self._http.close()

    def _page(self, token: str) -> Element:
        query = {"list-type": "2", "max-keys": _PAGE, "encoding-type": "url"}
        query |= {"prefix": self._prefix} if self._prefix else {}
        query |= {"continuation-token": token} if token else {}
        asked = "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
        page = self._http.xml("GET", f"{self._bucket}?{asked}", 200)
        if _name(page) != "ListBucketResult" or not _text(page, "IsTruncated"):
            raise SourceError("source-broken", "no listing")
        return page

    def _item(self, entry: Element) -> Item | None:
        """None: what stands for a folder, or has no bytes."""
        key, etag = _plain(_text(entry, "Key")), _text(entry, "ETag")
        size = _text(entry, "Size")
        if not key.startswith(self._prefix) or not size.isdecimal() or len(size) > 15 or not etag:
            raise SourceError("source-broken", "an entry")
        path = key[len(self._prefix) :].lstrip("/")
        if not path or path.endswith("/"):
            return None
        # The ETag of a whole upload is its MD5; that of parts says how they were cut, too.
        return Item(
            key=key,
            path=path,
            version=etag[:200],
            size=int(size),
            modified=_date(_text(entry, "LastModified")),
            same=f"{etag}-{size}"[:200],
        )


def _coded(key: str) -> str:
    return quote(key, safe="/-_.~")


def _plain(coded: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(coded)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element, name: str) -> str:
    return next((each.text or "" for each in element if _name(each) == name), "")


def _date(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
