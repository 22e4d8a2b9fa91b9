"""Where a source may lie: gates of the wall and nothing else, this machine's own services included."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from ingest.sources.base import Place, SourceError


def require_gate(host: str, port: int, place: Place) -> None:
    """Raises SourceError `address-not-allowed` where no gate leads there (SOVEREIGN_GATES)."""
    if address(host, port) not in place.gates:
        raise SourceError("address-not-allowed")


def address(host: str, port: int) -> str:
    return f"{host.strip('[]').casefold().rstrip('.')}:{port}"


def is_loopback(host: str) -> bool:
    """Whether what is said to it leaves this machine nowhere."""
    plain = host.strip("[]").casefold().rstrip(".")
    with suppress(ValueError):
        return ip_address(plain).is_loopback
    return plain == "localhost"


def split_url(url: str, ports: dict[str, int]) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of an address without user, query and fragment.

    `ports`: of the schemes that are taken. Raises ValueError.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ports or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no such address")
    if parts.query or parts.fragment or not url.isprintable() or "\\" in url:
        raise ValueError("no such address")
    # Two names that fold into one would pass another's gate, and be told its secret.
    if not parts.netloc.isascii():
        raise ValueError("no such address")
    return parts.scheme, parts.hostname, parts.port or ports[parts.scheme], parts.path
