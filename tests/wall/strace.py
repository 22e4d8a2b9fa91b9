"""Reads what `strace -f -e trace=network` wrote: every address that any process named to the kernel."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

_CALL = re.compile(r"^(?:\[pid\s+)?(?P<pid>\d+)?\]?\s*(?:[\d:.]+\s+)?(?P<call>[a-z_0-9]+)\(")
_RESUMED = re.compile(r"<\.\.\. (?P<call>[a-z_0-9]+) resumed>")
_FAMILY = re.compile(r"sa_family=(?P<family>AF_\w+|0x[0-9a-f]+|\d+)")
_FOUR = re.compile(r'inet_addr\("(?P<host>[^"]+)"\)')
_SIX = re.compile(r'inet_pton\(AF_INET6, "(?P<host>[^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((?P<port>\d+)\)")
#: What names an address that somebody is to be reached at. `bind` names an own one.
SENDING = {"connect", "sendto", "sendmsg", "sendmmsg"}
#: These stay on the machine whatever is said in them.
LOCAL_FAMILIES = {"AF_UNIX", "AF_LOCAL", "AF_NETLINK", "AF_UNSPEC"}
KNOWN_FAMILIES = LOCAL_FAMILIES | {"AF_INET", "AF_INET6"}


@dataclass(frozen=True)
class Named:
    """One address in one call: `host` is "" where the family has none."""

    call: str
    family: str
    host: str
    port: int

    @property
    def stays(self) -> bool:
        """True for loopback, Unix sockets and the kernel itself."""
        if self.family in LOCAL_FAMILIES:
            return True
        if self.family not in KNOWN_FAMILIES or not self.host:
            return False
        number = ip_address(self.host)
        mapped = getattr(number, "ipv4_mapped", None)
        return bool((mapped or number).is_loopback)


def calls(text: str) -> Iterator[tuple[str, str]]:
    """(name, line) of each system call; one that was interrupted counts at its beginning and end."""
    for line in text.splitlines():
        if found := _CALL.match(line) or _RESUMED.search(line):
            yield found["call"], line


def named(text: str) -> list[Named]:
    """Every address in a call that connects or sends, whether it succeeded or not."""
    found = []
    for call, line in calls(text):
        if call not in SENDING:
            continue
        for part in line.split("sa_family=")[1:]:
            family = _FAMILY.match(f"sa_family={part}")
            host = _FOUR.search(part) or _SIX.search(part)
            port = _PORT.search(part)
            found.append(
                Named(
                    call,
                    family["family"] if family else "?",
                    host["host"] if host else "",
                    int(port["port"]) if port else 0,
                )
            )
    return found


def leaving(text: str) -> list[Named]:
    """Those that would leave this machine."""
    return [each for each in named(text) if not each.stays]


def families(text: str) -> set[str]:
    """The families of all sockets that were asked for."""
    return {
        found["family"]
        for call, line in calls(text)
        if call == "socket" and (found := re.search(r"socket\((?P<family>\w+)", line))
    }
