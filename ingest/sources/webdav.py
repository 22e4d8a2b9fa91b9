"""A folder on a WebDAV server (RFC 4918): Nextcloud, ownCloud, SharePoint's older ones, Apache."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element

import httpx

from ingest.sources.base import Item, Place, SourceError
from ingest.sources.http import Http
from ingest.sources.names import MOST_PARTS

_DAV = "{DAV:}"
_ASK = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/>'
    b"<getcontentlength/><getlastmodified/><getetag/></prop></propfind>"
)


class WebdavSource:
    def __init__(self, url: str, place: Place) -> None:
        self.state: dict[str, str] = {}
        self.unread: list[str] = []
        secret = place.secret
        auth = httpx.BasicAuth(secret.user, secret.password) if secret.user else None
        self._http = Http(url, place, auth)
        parts = urlsplit(url)
        self._server = f"{parts.scheme}://{parts.netloc}"
        self._base = unquote(parts.path).rstrip("/") + "/"

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        waiting, seen = [self._base], {self._base}
        while waiting:
            folder = waiting.pop()
            for path, found in self._members(folder):
                if path.endswith("/"):
                    if path not in seen and path.count("/") <= MOST_PARTS + self._base.count("/"):
                        seen.add(path)
                        self._http.limits.check_count(len(seen))
                        waiting.append(path)
                elif isinstance(found, Item):
                    yield found

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Iterator[bytes]]:
        headers = {"If-Match": item.version} if item.version.startswith('"') else {}
        url = self._url(self._base + item.key)
        with self._http.file(url, item, headers) as parts:
            yield parts

    def close(self) -> None:
        self._http.close()

    def _members(self, folder: str) -> Iterator[tuple[str, Item | None]]:
        """What lies right in a folder; paths of folders end in a slash."""
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        url = self._url(folder)
        root = self._http.xml("PROPFIND", url, 207, content=_ASK, headers=headers)
        itself = False
        for response in root.findall(f"{_DAV}response"):
            path = self._path(response)
            properties = _properties(response)
            if properties is None:
                self.unread.append(path[len(self._base) :].rstrip("/"))
                itself = itself or path.rstrip("/") == folder.rstrip("/")
            elif path.rstrip("/") == folder.rstrip("/"):
                itself = True
            elif _is_child(path, folder):
                yield self._member(path, properties)
        if root.tag != f"{_DAV}multistatus" or not itself:
            raise SourceError("source-broken", "no multistatus of the folder")

    def _member(self, path: str, properties: Element) -> tuple[str, Item | None]:
        if properties.find(f"{_DAV}resourcetype/{_DAV}collection") is not None:
            return path.rstrip("/") + "/", None
        inner = path.rstrip("/")[len(self._base) :]
        size = _text(properties, "getcontentlength")
        etag, modified = _text(properties, "getetag"), _text(properties, "getlastmodified")
        return path.rstrip("/"), Item(
            key=inner,
            path=inner,
            version=(etag or f"{modified} {size}")[:200],
            size=int(size) if size.isdecimal() and len(size) < 16 else None,
            modified=_date(modified),
        )

    def _path(self, response: Element) -> str:
        """The path of a member, which lies within what was asked for. Another server is none of ours."""
        parts = urlsplit(_text(response, "href"))
        path = unquote(parts.path)
        foreign = parts.netloc and f"{parts.scheme}://{parts.netloc}" != self._server
        if foreign or not (path + "/").startswith(self._base) or "/../" in path + "/":
            raise SourceError("source-broken", "an address outside the folder")
        return path

    def _url(self, path: str) -> str:
        return self._server + quote(path, safe="/-_.~!$'()*,;:@&=+")


def _is_child(path: str, folder: str) -> bool:
    rest = path[len(folder) :].rstrip("/")
    return path.startswith(folder) and bool(rest) and "/" not in rest


def _properties(response: Element) -> Element | None:
    """Those that were found; None where the server says that it could not look."""
    status = _text(response, "status")
    if status and " 2" not in status:
        return None
    for each in response.findall(f"{_DAV}propstat"):
        if " 200" in _text(each, "status"):
            return each.find(f"{_DAV}prop")
    return None


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{_DAV}{name}") or "").strip()


def _date(text: str) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError):
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
