"""The listening socket is the one thing that is made outside and used inside: nobody may turn it around.

A program that takes the socket over could end the listening (connect to AF_UNSPEC) and connect with
the same socket, which belongs to the outer network. Two locks, both laid on outside and neither of
which a program inside can take off:

- bound to the device `lo` (SO_BINDTODEVICE), where it listens on loopback: nothing it sends leaves;
- a locked filter (SO_ATTACH_FILTER, SO_LOCK_FILTER) that drops every answer to a request for a
  connection (SYN and ACK together): none that it asks for comes about. Accepted sockets inherit both.

Sources: socket(7), tcp(7), RFC 9293 section 3.5.
"""

import ctypes
import socket
import struct
from ipaddress import ip_address

_SO_ATTACH_FILTER, _SO_LOCK_FILTER = 26, 44
_SYN_AND_ACK, _FLAGS = 0x12, 13
#: Classic BPF on the TCP header: load the flags, mask them, drop where both are set, else keep all.
_FILTER = (
    (0x30, 0, 0, _FLAGS),
    (0x54, 0, 0, _SYN_AND_ACK),
    (0x15, 0, 1, _SYN_AND_ACK),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFF_FFFF),
)


def is_loopback(host: str) -> bool:
    """True for a loopback number, "localhost" included."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def bind_to_loopback(listener: socket.socket) -> bool:
    """Tie a socket to the device `lo`. False where the kernel refuses (before Linux 5.7: to all but root)."""
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    except OSError:
        return False
    return True


def answer_only(listener: socket.socket) -> bool:
    """Let a TCP socket be called and never call. For good: the lock has no key.

    False where the kernel keeps such filters to root (some do, against tricks with the processor's
    predictions): the device `lo` is then the one lock, and a socket on all addresses has none. Raises
    OSError for any other refusal.
    """
    program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
    steps = ctypes.create_string_buffer(program)
    about = struct.pack("HL", len(_FILTER), ctypes.addressof(steps))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, about)
    except PermissionError:
        return False
    listener.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
    return True
