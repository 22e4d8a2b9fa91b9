"""The process guard: an audit hook that denies and writes down whatever Python asks of the network.

It sees what goes through Python's own socket module, C extensions that use it included, and cannot
be taken out again (PEP 578). It does not see what a C library asks of the kernel itself (libpq,
libuv, gRPC), nor other programs: the kernel's wall holds those. docs/wall.md says it in full.

Closed from the start: Unix sockets alone. The settings open it for what is listed.
"""

import _socket
import errno
import json
import os
import sys
from _thread import RLock, _local
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from wall import refusals
from wall.addresses import FUNCTIONS, LOOPBACKS, packed, parsed

KEPT: Final = 100
#: Where the services of a machine listen. Some of them send on what they are told.
_SERVICES: Final = ("/run/", "/var/run/", "/dev/")
#: The role that has no network at all: not even a look at an address, or a socket to nowhere.
_READER: Final = "parser"
#: Read from the C type: a subclass may say anything of itself.
_family: Final[Callable[[object], int]] = _socket.socket.family.__get__


class EgressRefused(PermissionError):
    """Something in this process reached for an address that is not listed."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "Refused by Sovereign's guard: the address is not listed")


class _Unlisted(Exception):
    """What a check found: the address as it may be written down."""

    def __init__(self, host: str, port: int = 0) -> None:
        super().__init__(host, port)
        self.host, self.port = host, port


class _State:
    """What one process knows. A forked child starts its counts anew and keeps the list."""

    def __init__(self) -> None:
        self.role = ""
        self.listed: set[tuple[bytes, int]] = set()
        self.unix: tuple[str, ...] = ()
        self.pins: dict[str, tuple[bytes, ...]] = {"localhost": LOOPBACKS}
        self.waiting: dict[str, set[int]] = {}
        self.write: Callable[[bytes], bool] | None = None
        self.begin()

    def begin(self) -> None:
        self.lock = RLock()
        self.count = 0
        self.unwritten = 0
        self.kept: deque[dict[str, Any]] = deque(maxlen=KEPT)


_state: Final = _State()


class _Own(_local):
    """What only the thread itself knows."""

    depth = 0
    probing = False


_own: Final = _Own()


class permitted:
    """`with permitted():` lets this thread pass. For the guard's own look-ups and the probes alone."""

    def __enter__(self) -> None:
        _own.depth += 1

    def __exit__(self, *_: object) -> None:
        _own.depth -= 1


class probing:
    """`with probing():` this thread's refusals are written down as a proof's own, and counted apart."""

    def __enter__(self) -> None:
        _own.probing = True

    def __exit__(self, *_: object) -> None:
        _own.probing = False


def install(role: str) -> None:
    """Set the guard for the rest of this process's life; a second call changes nothing."""
    if _state.role:
        return
    _state.role = role
    os.register_at_fork(after_in_child=_state.begin)
    # uvloop looks names up and connects in C, where no hook sees it; asyncio serves the same.
    sys.modules.setdefault("uvloop", None)  # type: ignore[arg-type]
    _socket.getaddrinfo = _pinned_getaddrinfo
    sys.addaudithook(_hook)


def installed() -> str:
    """The role it was installed with, "" where it was not."""
    return _state.role


def refused() -> int:
    """How often this process was refused since it started, the proofs' own attempts left out."""
    return _state.count


def allow(addresses: Iterable[str]) -> None:
    """List addresses: "host:port", "[v6]:port", "name:port", "unix:/path/of/socket/or/folder".

    A name is looked up once, now (or at its first use, if it has no address yet), and keeps these
    addresses as long as the process lives. Raises ValueError on another form.
    """
    for address in addresses:
        if address.startswith("unix:"):
            _state.unix += (os.path.realpath(address.removeprefix("unix:")),)
            continue
        host, port = parsed(address)
        if (literal := packed(host)) is not None:
            _state.listed.add((literal, port))
        else:
            _state.waiting.setdefault(host, set()).add(port)
            _pin(host)


def spool(folder: Path) -> None:
    """From now on refusals are appended to FOLDER/refused.jsonl, those so far included."""
    report(lambda line: refusals.append(folder, line))


def report(write: Callable[[bytes], bool]) -> None:
    """The same by a function that takes a line. It returns False for a line that it dropped, and
    raises OSError for one that is to come again."""
    _state.write = write
    _flush()


# --- names --------------------------------------------------------------------------------------
def _pin(name: str) -> tuple[bytes, ...]:
    """The addresses of a listed name, looked up if none are known yet; () without."""
    if name not in _state.pins and name in _state.waiting:
        try:
            with permitted():
                found = _ask_resolver(name, None, 0, _socket.SOCK_STREAM)
        except OSError:
            return ()
        numbers = [packed(str(each[4][0])) for each in found]
        _state.pins[name] = tuple(dict.fromkeys(each for each in numbers if each))
    pinned = _state.pins.get(name, ())
    for port in _state.waiting.get(name, ()):
        _state.listed.update((each, port) for each in pinned)
    return pinned


_ask_resolver: Final = _socket.getaddrinfo


def _pinned_getaddrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[Any]:
    """socket.getaddrinfo that knows the pinned names by heart, and asks nobody for them."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    pinned = _pin(name.lower()) if isinstance(name, str) else ()
    if not pinned:
        return _ask_resolver(host, port, family, type, proto, flags)
    found: list[Any] = []
    for number in pinned:
        version = _socket.AF_INET if len(number) == 4 else _socket.AF_INET6
        if family in (0, version):
            literal = _socket.inet_ntop(version, number)
            found += _ask_resolver(literal, port, version, type, proto, flags)
    if not found:
        raise _socket.gaierror(_socket.EAI_NONAME, "Name or service not known")
    return found


# --- what is asked ------------------------------------------------------------------------------
def _hook(event: str, args: tuple[Any, ...]) -> None:
    """Called for every import and open of the process, so the first line decides nearly all."""
    check = _CHECKS.get(event)
    if check is None or _own.depth:
        return
    try:
        check(args)
    except _Unlisted as found:
        address = found.host, found.port
    except BaseException:  # noqa: BLE001 (what the guard does not understand must not pass)
        address = "?", 0
    else:
        return
    _refuse(event, *address)


def _check_address(args: tuple[Any, ...]) -> None:
    """connect, bind, sendto, sendmsg: (socket, address); None where it is connected already."""
    address = args[1]
    if address is None:
        return
    family = _family(args[0])
    if family == _socket.AF_UNIX:
        _check_unix(address)
        return
    # Exact types: a subclass could show one address here and another to the C code behind.
    if type(address) is not tuple or len(address) < 2:
        raise _Unlisted("?")
    host, port = address[0], address[1]
    if type(host) is bytes:
        host = host.decode("ascii")
    if type(host) is not str or type(port) is not int:
        raise _Unlisted("?")
    number = packed(host or "0.0.0.0")  # noqa: S104 (what the kernel makes of "")
    if family not in (_socket.AF_INET, _socket.AF_INET6) or (number, port) not in _state.listed:
        raise _Unlisted(refusals.plain(host), port)


def _check_unix(address: Any) -> None:
    """Sockets of this machine's services are no way out either; abstract ones end at the namespace."""
    path = os.fsdecode(address)
    if path.startswith("\0"):
        return
    path = os.path.realpath(path)
    if path.startswith(_SERVICES) and not any(
        path == each or path.startswith(f"{each}/") for each in _state.unix
    ):
        raise _Unlisted(f"unix:{refusals.plain(path)[-100:]}")


def _check_socket(args: tuple[Any, ...]) -> None:
    """socket(): (socket, family, type, protocol); -1 where an open descriptor is taken over."""
    family, kind = args[1], args[2]
    reader = _state.role == _READER
    if family == -1 or (family == _socket.AF_UNIX and not reader):
        return
    inner = family in (_socket.AF_INET, _socket.AF_INET6) and not reader
    if not inner or kind & 0xF not in (_socket.SOCK_STREAM, _socket.SOCK_DGRAM, 0xF):
        raise _Unlisted(f"socket:{int(family)}:{int(kind & 0xF)}")


def _check_name(args: tuple[Any, ...]) -> None:
    """getaddrinfo, gethostby*: a literal address asks nobody, a pinned name does not come here."""
    host = args[0]
    if host is None:
        return
    if type(host) not in (str, bytes):
        raise _Unlisted("?")
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name and (packed(name) is None or _state.role == _READER):
        port = args[1] if len(args) > 1 and type(args[1]) is int else 0
        raise _Unlisted(refusals.plain(name), port)


def _check_reverse(args: tuple[Any, ...]) -> None:
    """gethostbyaddr, getnameinfo (address, flags): the resolver is asked for an address's name."""
    if len(args) > 1 and type(args[1]) is int and args[1] & _socket.NI_NUMERICHOST:
        return
    host = args[0][0] if isinstance(args[0], tuple) else args[0]
    raise _Unlisted(refusals.plain(str(host)))


def _check_function(args: tuple[Any, ...]) -> None:
    if args[1] in FUNCTIONS:
        raise _Unlisted(f"function:{args[1]}")


_CHECKS: Final[dict[str, Callable[[tuple[Any, ...]], None]]] = {
    "socket.__new__": _check_socket,
    "socket.connect": _check_address,
    "socket.bind": _check_address,
    "socket.sendto": _check_address,
    "socket.sendmsg": _check_address,
    "socket.getaddrinfo": _check_name,
    "socket.gethostbyname": _check_name,
    "socket.gethostbyaddr": _check_reverse,
    "socket.getnameinfo": _check_reverse,
    "ctypes.dlsym": _check_function,
}


# --- what is written down -----------------------------------------------------------------------
def _refuse(event: str, host: str, port: int) -> None:
    """Write the refusal down, then raise it. Nothing that goes wrong here lets anything pass."""
    try:
        line = refusals.line(_state.role, event, host, port, sys._getframe(2))
        line["probe"] = _own.probing
        with _state.lock:
            _state.count += not _own.probing
            _state.unwritten += len(_state.kept) == KEPT  # the oldest makes room
            _state.kept.append(line)
            _flush()
    finally:
        raise EgressRefused


def _flush() -> None:
    """Append what is kept. What cannot be written stays, at most KEPT of it, for the next time."""
    if _state.write is None:
        return
    with _state.lock:
        while _state.kept:
            line = {**_state.kept[0], "times": 1 + _state.unwritten}
            try:
                written = _state.write(json.dumps(line).encode() + b"\n")
            except OSError:
                return
            _state.unwritten = 0 if written else _state.unwritten + 1
            _state.kept.popleft()
