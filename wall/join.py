"""Commands by hand go where the services are: `manage.py ask` joins the wall of the running launcher."""

import os
from contextlib import ExitStack
from pathlib import Path

from wall import namespace, seccomp, status
from wall.profiles import PROFILES


class CannotJoin(Exception):
    """A wall stands and this process cannot go inside. The message says what to do."""


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


class _Asked:
    yes = False


def ask() -> None:
    """This process is a command by hand: `if_asked` shall go behind the wall."""
    _Asked.yes = True


def if_asked(run_dir: Path) -> None:
    """`join` where `ask` was called: before a name is looked up and before a thread starts."""
    if _Asked.yes:
        _Asked.yes = False
        join(run_dir)


def join(run_dir: Path) -> bool:
    """Enter the namespaces that RUN_DIR/wall.json names. False: no wall of that kind stands here.

    The caller has one thread. The holder must be the process that the launcher wrote down: the same
    start, the same user, the same namespaces; an id alone may be somebody else's by now. Raises
    CannotJoin where the wall stands and stays shut: going on outside would hide that.
    """
    said = status.read(run_dir)
    if said is None or said.wall != "namespace" or said.holder is None:
        return False
    if start_ticks(said.holder) != said.started:
        return False  # its launcher was killed; the file is what it left
    if namespace.inodes()["net"] == said.namespaces["net"]:
        return True  # started inside, by the launcher or by a process of ours
    owner = Path(f"/proc/{said.holder}").stat().st_uid
    if owner != os.geteuid():
        raise CannotJoin(
            f"Sovereign runs behind its wall as user {owner}; this command must run as that user, "
            f"too: sudo -u '#{owner}' ..."
        )
    _enter(said)
    return True


def _enter(said: status.Status) -> None:
    try:
        with ExitStack() as opened:
            found = namespace.descriptors(said.holder or 0)
            for descriptor in found.values():
                opened.callback(os.close, descriptor)
            for kind, descriptor in found.items():
                if os.fstat(descriptor).st_ino != said.namespaces[kind]:
                    raise CannotJoin("The wall's holder is not the process that was written down.")
            folder = str(Path.cwd())
            namespace.enter(found, folder if Path(folder).is_dir() else "/")
        if said.seccomp:
            # The network that is not in the namespace: the socket to a virtual machine's host. Files
            # stay a person's own, so there is no Landlock here.
            seccomp.install(PROFILES["command"].rules(bound=False, lookups=False))
    except OSError as error:
        raise CannotJoin(
            f"This command could not go behind the wall of the running Sovereign ({error}). Stop it "
            "first, or run the command as its user on the machine itself, outside any container."
        ) from error
