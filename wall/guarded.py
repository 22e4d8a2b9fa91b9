"""`python -m wall.guarded ROLE -m MODULE ARGS` (or a script's path): the guard first, then the program."""

import sys

from wall import guard

if __name__ == "__main__":
    _, role, *rest = sys.argv
    guard.install(role)

    import runpy

    if rest[:1] == ["-m"]:
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = rest
        runpy.run_path(rest[0], run_name="__main__")
