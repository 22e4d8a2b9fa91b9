"""What a child process without any guard can reach. Run by probes.py as a script, by its path.

    python -I wall/outsider.py KIND HOST PORT

Prints the error number that stopped it and what was said, or `0`, when nothing did.
"""

import os
import socket
import sys
from importlib import import_module

SECONDS = 1.5


def tcp(host: str, port: int) -> str:
    socket.create_connection((host, port), SECONDS).close()
    return ""


def udp(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\0", (host, port))
    return ""


def name(host: str, port: int) -> str:
    socket.getaddrinfo(host, port)
    return ""


def leave(_host: str, _port: int) -> str:
    """Into the network of the machine's first process, if the kernel lets us."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    target = os.open("/proc/1/ns/net", os.O_RDONLY)
    if os.fstat(target).st_ino == os.stat("/proc/self/ns/net").st_ino:  # noqa: PTH116
        return "this is the network of the first process"
    if libc.setns(target, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    return ""


def grpc(host: str, port: int) -> str:
    """A call by the library that chromadb brings, whose network code is C++ throughout."""
    library = import_module("grpc")
    options = (("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 60_000))
    with library.insecure_channel(f"ipv4:{host}:{port}", options=options) as channel:
        try:
            channel.unary_unary("/sovereign.Probe/Try")(b"", timeout=SECONDS)
        except library.RpcError as error:
            said = str(error.details())
            for number in (101, 113, 13, 1, 111):
                if os.strerror(number) in said:
                    raise OSError(number, os.strerror(number)) from error
            return said[:100]
    return ""


def main() -> None:
    kind, host, port = sys.argv[1:4]
    try:
        print("0", globals()[kind](host, int(port)))  # noqa: T201 (the answer)
    except ImportError:
        print("-1 not installed")  # noqa: T201
    except socket.gaierror as error:
        print("-2", error.strerror)  # noqa: T201
    except TimeoutError:
        print("110 no answer")  # noqa: T201
    except OSError as error:
        print(error.errno or -3, os.strerror(error.errno or 0))  # noqa: T201


if __name__ == "__main__":
    main()
