"""Which outside addresses an installation needs: each becomes a gate, and its name is pinned inside."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from wall.status import Gate

#: The ports that addresses of these kinds leave out.
PORTS = {
    "http": 80,
    "https": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "redis": 6379,
    "rediss": 6379,
    "sentinel": 26379,
    "amqp": 5672,
    "amqps": 5671,
}
LOOPBACK = ("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback")


class GateError(ValueError):
    """The message says which setting is wrong and how it must look."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An outside address as it stands in a setting."""

    name: str
    host: str
    port: int


def from_url(name: str, url: str) -> list[Wanted]:
    """The addresses of a URL, or of several with `;` between. None for a Unix socket or no host."""
    found = []
    for part in filter(None, url.split(";")):
        about = urlsplit(part)
        if "socket" in about.scheme or about.scheme == "unix" or not about.hostname:
            continue
        port = about.port or PORTS.get(about.scheme.partition("+")[0])
        if port is None:
            raise GateError(f"The address of {name} names no port.")
        found.append(Wanted(name, about.hostname, port))
    return found


def from_words(words: Iterable[str]) -> list[Wanted]:
    """`name=host:port` each, as SOVEREIGN_GATES has them; a version 6 number stands in brackets."""
    found = []
    for word in words:
        name, _, address = word.partition("=")
        host, _, port = address.rpartition(":")
        plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        if not (plain and host and port.isdecimal() and 0 < int(port) <= 65_535):
            raise GateError(f"SOVEREIGN_GATES: {word!r} must look like mail=mail.example.org:25.")
        found.append(Wanted(name, host.strip("[]"), int(port)))
    return found


def resolve(wanted: Iterable[Wanted]) -> list[Gate]:
    """Look each name up once, outside, and give each address one gate. Raises GateError.

    A second gate to the same address and port would listen where the first does: its name is pinned
    and it shares the first one.
    """
    gates: list[Gate] = []
    for each in wanted:
        try:
            found = socket.getaddrinfo(each.host, each.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise GateError(
                f"The host of the gate {each.name} has no address now: {each.host} ({error.strerror})."
            ) from error
        # Version 4 first: a name such as localhost has both, and many servers listen on that alone.
        found.sort(key=lambda one: one[0] != socket.AF_INET)
        gates.append(
            Gate(name=each.name, host=each.host, address=str(found[0][4][0]), port=each.port)
        )
    return gates


def distinct(gates: Iterable[Gate]) -> list[Gate]:
    """The gates without those that share an address and port with one before; names made unique."""
    found: dict[tuple[str, int], Gate] = {}
    for gate in gates:
        found.setdefault((gate["address"], gate["port"]), gate)
    taken: set[str] = set()
    for gate in found.values():
        base, number = gate["name"], 2
        while gate["name"] in taken:
            gate["name"], number = f"{base}-{number}", number + 1
        taken.add(gate["name"])
    return list(found.values())


def is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def hosts_file(gates: Iterable[Gate], own_name: str) -> str:
    """The text of /etc/hosts inside: loopback, the machine's own name, and the gates' names."""
    lines = [*LOOPBACK]
    if own_name and own_name != "localhost":
        lines.append(f"127.0.1.1 {own_name}")
    lines += [f"{gate['address']} {gate['host']}" for gate in gates if not is_number(gate["host"])]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
