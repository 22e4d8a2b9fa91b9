"""Network calls of the C library itself, beneath the guard: what a program that evades it would do.

Each returns nothing and raises OSError with the kernel's error. A byte of zero is all that is sent.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from wall import guard

SECONDS = 1
MPTCP = 262
_FASTOPEN = 0x20000000
_VSOCK, _ETH_P_ALL = 40, 0x0300
_PR_GET_SECCOMP, _FILTERS = 21, 2
_IO_URING_SETUP, _IO_URING_PARAMS = 425, 120


@lru_cache(maxsize=1)
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    with guard.permitted():
        for name in ("connect", "sendto"):
            getattr(libc, name)  # ctypes keeps what it once looked up
    return libc


def filtered() -> bool:
    """Does a seccomp filter hold this process? Asked of the kernel, for /proc may be out of sight."""
    return bool(_libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) == _FILTERS)


def connect(host: str, port: int, protocol: int = 0) -> None:
    with _socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as descriptor:
        _checked(_libc().connect(descriptor, *_address(host, port)))


def send(host: str, port: int) -> None:
    """One datagram."""
    with _socket(socket.AF_INET, socket.SOCK_DGRAM) as descriptor:
        _checked(_libc().sendto(descriptor, b"\0", 1, 0, *_address(host, port)))


def fast_open(host: str, port: int) -> None:
    """A connection that is opened by the packet that carries the first byte."""
    with _socket(socket.AF_INET, socket.SOCK_STREAM) as descriptor:
        _checked(_libc().sendto(descriptor, b"\0", 1, _FASTOPEN, *_address(host, port)))


def raw() -> None:
    """A socket for packets of any protocol; nothing is sent."""
    with _socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        pass


def packet() -> None:
    """A socket below IP; nothing is sent."""
    with _socket(socket.AF_PACKET, socket.SOCK_RAW, _ETH_P_ALL):
        pass


def vsock() -> None:
    """A socket to the machine's host, which no network namespace holds; nothing is sent."""
    with _socket(_VSOCK, socket.SOCK_STREAM):
        pass


def io_uring() -> None:
    """The queue by which the kernel connects and sends without a call that a filter sees."""
    number = _libc().syscall(_IO_URING_SETUP, 1, ctypes.create_string_buffer(_IO_URING_PARAMS))
    os.close(_checked(number))


@contextmanager
def _socket(family: int, kind: int, protocol: int = 0) -> Iterator[int]:
    descriptor = _checked(_libc().socket(family, kind | socket.SOCK_CLOEXEC, protocol))
    try:
        # connect(2) obeys it, too.
        patience = struct.pack("ll", SECONDS, 0)
        _libc().setsockopt(
            descriptor, socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience, len(patience)
        )
        yield descriptor
    finally:
        os.close(descriptor)


def _address(host: str, port: int) -> tuple[bytes, int]:
    """struct sockaddr_in and its length."""
    packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
    packed += socket.inet_pton(socket.AF_INET, host) + bytes(8)
    return packed, len(packed)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
