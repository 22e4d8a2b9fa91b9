"""Signed requests to S3 (AWS Signature Version 4), for bodies that are empty."""

import hashlib
import hmac
from collections.abc import Generator
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import httpx

from ingest.sources.base import Secret

_EMPTY = hashlib.sha256(b"").hexdigest()
_SIGNED = ("host", "x-amz-content-sha256", "x-amz-date")


class SigV4(httpx.Auth):
    """Signs host, date, path and query of each request. `now`: for tests."""

    def __init__(self, secret: Secret, region: str, now: datetime | None = None) -> None:
        self._secret = secret
        self._region = region
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        when = (self._now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        request.headers["x-amz-date"] = when
        request.headers["x-amz-content-sha256"] = _EMPTY
        scope = f"{when[:8]}/{self._region}/s3/aws4_request"
        asked = hashlib.sha256(_canonical(request).encode()).hexdigest()
        signature = self._signature(scope, f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{asked}")
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._secret.user}/{scope},"
            f"SignedHeaders={';'.join(_SIGNED)},Signature={signature}"
        )
        yield request

    def _signature(self, scope: str, text: str) -> str:
        key = f"AWS4{self._secret.password}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical(request: httpx.Request) -> str:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    named = sorted((_coded(name), _coded(value)) for name, _, value in pairs)
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in _SIGNED)
    return "\n".join(
        [
            request.method,
            quote(unquote(path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in named),
            headers,
            ";".join(_SIGNED),
            _EMPTY,
        ]
    )


def _coded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")
