"""HTTP towards sources: one host, no redirects, bounded answers, verified TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import httpx
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ingest.sources import tls
from ingest.sources.addresses import require_gate, split_url
from ingest.sources.base import (
    CONNECT_SECONDS,
    SILENCE_SECONDS,
    Item,
    Place,
    SourceError,
    measured,
)

PORTS = {"http": 80, "https": 443}
#: Of one page of a listing.
MOST_XML = 32_000_000
_TIMEOUT = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
#: Bytes as they are: their number is compared with what was said.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Sovereign"}


class Http:
    """Calls to one server. Every failure is a SourceError."""

    def __init__(self, url: str, place: Place, auth: httpx.Auth | None = None) -> None:
        scheme, host, port, _ = split_url(url, PORTS)
        require_gate(host, port, place)
        self.limits = place.limits
        verify = tls.context(place.certificates, place.pinned) if scheme == "https" else False
        # trust_env: no proxy, no netrc, no certificates of the environment.
        self._client = httpx.Client(
            auth=auth,
            verify=verify,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
        )

    def close(self) -> None:
        self._client.close()

    def xml(self, method: str, url: str, right: int, **options: Any) -> Element:
        """The XML of an answer with the status `right`."""
        with self._stream(method, url, **options) as response:
            if response.status_code != right:
                raise _refusal(response)
            whole = self._whole(response)
        try:
            return fromstring(whole, forbid_dtd=True)  # type: ignore[no-any-return]
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise SourceError("source-broken", type(error).__name__) from error

    @contextmanager
    def file(self, url: str, item: Item, headers: dict[str, str]) -> Iterator[Iterator[bytes]]:
        """The bytes at `url`, which is the file that was listed."""
        with self._stream("GET", url, headers=headers) as response:
            if response.status_code != 200:
                raise _refusal(response)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise SourceError("source-broken", "encoded")
            yield measured(_guarded(response.iter_raw()), item, self.limits)

    @contextmanager
    def _stream(self, method: str, url: str, **options: Any) -> Iterator[httpx.Response]:
        self.limits.check_time()
        with _errors(), self._client.stream(method, url, **options) as response:
            yield response

    def _whole(self, response: httpx.Response) -> bytes:
        whole = bytearray()
        for part in _guarded(response.iter_raw()):
            self.limits.check_time()
            whole += part
            if len(whole) > MOST_XML:
                raise SourceError("source-broken", "listing too long")
        return bytes(whole)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except httpx.RemoteProtocolError as error:
        raise SourceError("source-cut-off", type(error).__name__) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        code = "source-certificate" if tls.is_tls(error) else "source-away"
        raise SourceError(code, type(error).__name__) from error


def _guarded(parts: Iterator[bytes]) -> Iterator[bytes]:
    with _errors():
        yield from parts


def _refusal(response: httpx.Response) -> SourceError:
    status = response.status_code
    why = f"HTTP {status}"
    if 300 <= status < 400:
        return SourceError("source-redirects", why)
    if status in (401, 403, 407):
        return SourceError("source-refused", why)
    if status in (404, 410):
        return SourceError("source-missing", why)
    if status in (409, 412):
        return SourceError("source-changed-meanwhile", why)
    return SourceError("source-away" if status >= 500 or status == 429 else "source-broken", why)
