"""A passphrase from a file of one's own."""

from pathlib import Path

from django.core.management.base import CommandError

LEAST = 12


def passphrase_in(file: Path) -> bytes:
    """The first line. Raises CommandError."""
    try:
        line = file.read_bytes().split(b"\n")[0].strip()
    except OSError as error:
        raise CommandError(f"{file} cannot be read.") from error
    if len(line) < LEAST:
        raise CommandError(f"A passphrase has at least {LEAST} letters.")
    return line
