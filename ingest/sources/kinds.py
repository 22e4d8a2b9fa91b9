"""The kinds of sources: what each is told, and how it is opened."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ingest.sources import tls
from ingest.sources.addresses import address, is_loopback, split_url
from ingest.sources.base import Kind, Place, SourceError


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of letters")
    return text


def _fingerprint(text: str) -> str:
    return tls.fingerprint_of(text) if text else ""


PORTS = {"http": 80, "https": 443, "git": 9418}


def _url(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        split_url(text, {scheme: PORTS[scheme] for scheme in schemes})
        return text.strip()

    return check


Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]
Pin = Annotated[str, Field(max_length=200), AfterValidator(_fingerprint)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class FolderSettings(_Settings):
    path: Annotated[Line, Field(min_length=1, pattern="^/")]


class _OfServer(_Settings):
    certificate: Pin = ""
    #: Somebody said that its secret may be told where others can read along.
    unencrypted: bool = False


class WebdavSettings(_OfServer):
    url: Annotated[Line, AfterValidator(_url("https", "http"))]


class ImapSettings(_OfServer):
    host: Annotated[Line, Field(pattern=r"^[A-Za-z0-9._:\-]{1,253}$")]
    security: Literal["tls", "starttls", "none"] = "tls"
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    folders: Annotated[list[Annotated[Line, Field(min_length=1)]], Field(max_length=50)] = ["INBOX"]


class S3Settings(_OfServer):
    url: Annotated[Line, AfterValidator(_url("https", "http"))]
    bucket: Annotated[Line, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{1,62}$")]
    prefix: Line = ""
    region: Annotated[Line, Field(pattern=r"^[A-Za-z0-9\-]{1,50}$")] = "us-east-1"


class GitSettings(_OfServer):
    url: Annotated[Line, AfterValidator(_url("https", "http", "git"))]
    branch: Annotated[Line, Field(pattern=r"^[^\s~^:?*\[\\]{0,200}$")] = ""
    folder: Line = ""


@dataclass(frozen=True, slots=True)
class _Spec:
    settings: type[_Settings]
    open: Callable[[Any, Place], Kind]
    #: Scheme (or security), host and port that it calls; None: it calls nobody.
    calls: Callable[[Any], tuple[str, str, int] | None]


def _of_url(settings: Any) -> tuple[str, str, int]:
    return split_url(settings.url, PORTS)[:3]


def _of_host(settings: ImapSettings) -> tuple[str, str, int]:
    return settings.security, settings.host, settings.port


def _folder(settings: FolderSettings, place: Place) -> Kind:
    from ingest.sources.folder import FolderSource

    return FolderSource(settings.path, place)


def _webdav(settings: WebdavSettings, place: Place) -> Kind:
    from ingest.sources.webdav import WebdavSource

    return WebdavSource(settings.url, place)


def _imap(settings: ImapSettings, place: Place) -> Kind:
    from ingest.sources.imap import ImapSource

    return ImapSource(settings.host, settings.port, settings.security, settings.folders, place)


def _s3(settings: S3Settings, place: Place) -> Kind:
    from ingest.sources.s3 import S3Source

    return S3Source(settings.url, settings.bucket, settings.prefix, settings.region, place)


def _git(settings: GitSettings, place: Place) -> Kind:
    from ingest.sources.git import GitSource

    return GitSource(settings.url, settings.branch, settings.folder, place)


KINDS: dict[str, _Spec] = {
    "folder": _Spec(FolderSettings, _folder, lambda _settings: None),
    "webdav": _Spec(WebdavSettings, _webdav, _of_url),
    "imap": _Spec(ImapSettings, _imap, _of_host),
    "s3": _Spec(S3Settings, _s3, _of_url),
    "git": _Spec(GitSettings, _git, _of_url),
}


class BadSettings(ValueError):
    """`field`: which one is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def checked(kind: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """The settings of a source as they are kept. Raises BadSettings."""
    if kind not in KINDS:
        raise BadSettings("kind")
    try:
        return KINDS[kind].settings.model_validate(dict(settings)).model_dump()
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise BadSettings(str(place[0]) if place else "settings") from None


def called(kind: str, settings: Mapping[str, object]) -> str:
    """`host:port` that a source of these settings calls; "" for a folder. Raises SourceError, as the next
    two, for settings that are none."""
    found = _calls(kind, settings)
    return address(*found[1:]) if found else ""


def _calls(kind: str, settings: Mapping[str, object]) -> tuple[str, str, int] | None:
    """Raises SourceError `source-settings`."""
    spec = KINDS[kind]
    try:
        return spec.calls(spec.settings.model_validate(dict(settings)))
    except ValidationError:
        raise SourceError("source-settings") from None


def signs_in(kind: str, settings: Mapping[str, object]) -> bool:
    """Whether a secret is told at all: git:// knows no accounts."""
    found = _calls(kind, settings)
    return found is not None and found[0] != "git"


def in_clear(kind: str, settings: Mapping[str, object]) -> bool:
    """Whether others could read along when a secret is told: no TLS, and not this machine's loopback."""
    found = _calls(kind, settings)
    return found is not None and found[0] in ("http", "none") and not is_loopback(found[1])


def opened(kind: str, settings: Mapping[str, object], place: Place) -> Kind:
    """Open a source. Raises SourceError. Close it at the end."""
    spec = KINDS[kind]
    try:
        known = spec.settings.model_validate(dict(settings))
    except ValidationError:
        raise SourceError("source-settings") from None
    place.pinned = getattr(known, "certificate", "")
    return spec.open(known, place)


def bare_name(text: str) -> bool:
    """Whether it may be the name of a secret file: no path."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,99}", text))
