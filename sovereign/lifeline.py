"""Processes that end with the one that started them, even when that one is killed."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when `parent`, its parent, ends.

    SIGKILL and not SIGTERM: a worker whose broker has ended too would wait for it for ever. Nothing
    is lost by it: tasks are delivered again, and the stores stand a kill (measured).
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def die_with_parent() -> None:
    die_with(os.getppid())
