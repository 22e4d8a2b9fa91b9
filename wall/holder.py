"""The process that holds the installation's namespaces and answers the launcher, outside, from inside.

    python -I wall/holder.py --fd N

N is one end of a pair of Unix sockets that keep message boundaries. One JSON object a message. The
first is the plan; the answer carries the descriptors of the namespaces. Then `connect` and `listen`
ask for a socket that is made inside and passed out. Nobody else can ask: the pair has no address.
The holder ends with the launcher, and when the launcher closes its end.
"""

import argparse
import errno
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    # -I keeps the folder of the script out of the path: nobody's file is taken for one of ours.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from wall import mounts, namespace

LONGEST = 65_536
CONNECT_SECONDS = 0.5
BACKLOG = 128


def build(plan: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """Build the wall around this process. Returns what to say of it, and the namespaces to enter.

    `plan`: hosts (text), addresses (numbers for `lo`), keep, write (folders), temporary (folder).
    """
    keep, write = ([Path(each) for each in plan[name]] for name in ("keep", "write"))
    sockets = mounts.listening_sockets()  # of the machine: inside, the list is empty
    namespace.make()
    namespace.loopback_up()
    for address in plan["addresses"]:
        namespace.add_address(address)
    hidden = mounts.for_everybody(plan["hosts"], keep, sockets)
    own = namespace.descriptors()
    services = dict(own)
    said: dict[str, Any] = {"hidden": hidden, "namespaces": namespace.inodes(), "why": []}
    try:
        mounts.for_services(keep, write, Path(plan["temporary"]))
        services["mnt"] = namespace.descriptors()["mnt"]
        said["namespaces"]["mnt_services"] = namespace.inodes()["mnt"]
    except OSError:
        said["why"].append("files-visible")
    # Back to where commands by hand join: they read and write a person's own files.
    namespace.setns(own["mnt"], namespace.CLONE_NEWNS)
    return said, [services[kind] for kind in namespace.KINDS]


def answer(request: dict[str, Any]) -> socket.socket:
    """The socket that is asked for: connected to, or listening on, an address inside. Raises OSError."""
    host, port = str(request["host"]), int(request["port"])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if request["do"] == "connect":
            made.settimeout(CONNECT_SECONDS)
            made.connect((host, port))
            made.setblocking(True)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
            made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def serve(launcher: socket.socket) -> None:
    """Answer until the launcher has closed its end."""
    while message := launcher.recv(LONGEST):
        try:
            with answer(json.loads(message)) as made:
                socket.send_fds(launcher, [b"{}"], [made.fileno()])
        except OSError as error:
            # A time-out has no number of its own.
            said = {"errno": error.errno or errno.ETIMEDOUT}
            launcher.send(json.dumps(said).encode())


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold the namespaces of an installation.")
    parser.add_argument("--fd", type=int, required=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A Ctrl-C goes to everybody at the terminal; the launcher ends this one last.
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    namespace.die_with(parent, signal.SIGKILL)
    launcher = socket.socket(fileno=parser.parse_args().fd)
    try:
        said, descriptors = build(json.loads(launcher.recv(LONGEST)))
    except OSError as error:
        said = {"why": [namespace.why_not(error)], "error": str(error)}
        launcher.send(json.dumps(said).encode())
        return 1
    # A change of credentials takes the wish to die with the parent away.
    namespace.die_with(parent, signal.SIGKILL)
    socket.send_fds(launcher, [json.dumps(said).encode()], descriptors)
    serve(launcher)
    return 0


if __name__ == "__main__":
    sys.exit(main())
