"""How the guard reads addresses: as bytes, so that one address has one form."""

import _socket
from typing import Final

_IPV4_IN_IPV6: Final = bytes(10) + b"\xff\xff"
LOOPBACKS: Final = (bytes((127, 0, 0, 1)), bytes(15) + b"\x01")
#: What ctypes may not look up. A tripwire: there are other ways to a function's address.
FUNCTIONS: Final = frozenset(
    {"connect", "sendto", "sendmsg", "sendmmsg"}
    | {"getaddrinfo", "getaddrinfo_a", "getnameinfo", "gethostbyname", "gethostbyname_r"}
    | {"gethostbyname2", "gethostbyname2_r", "gethostbyaddr", "gethostbyaddr_r"}
    | {"res_query", "res_search", "res_nquery", "res_nsearch", "res_send", "res_nsend"}
)


def parsed(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[v6]:port". Raises ValueError on another form."""
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError("an address is host:port, [v6]:port or unix:/path")
    return host.lower(), int(port)


def packed(host: str) -> bytes | None:
    """The bytes of a literal address; None for anything that would have to be looked up.

    Forms that inet_aton alone knows ("127.1") count as names. An IPv4 address within IPv6 is the
    IPv4 address.
    """
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            found = _socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
        return found.removeprefix(_IPV4_IN_IPV6)
    return None
