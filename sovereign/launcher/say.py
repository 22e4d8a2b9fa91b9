"""What the person at the terminal reads: one line per event."""

import sys


def say(line: str = "") -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except (BrokenPipeError, OSError):
        # A closed terminal must not take the processes down with it in the middle of a stop.
        return


def complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
