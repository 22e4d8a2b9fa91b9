"""`python -m sovereign.launcher`: the whole product on this machine, until Ctrl-C or SIGTERM."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

from sovereign.launcher.errors import LaunchError
from sovereign.launcher.say import complain

INTERRUPTED = 130


def main() -> int:
    """Exit code 0: stopped on request. 1: could not start or go on; the reason was printed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")  # noqa: TID251
    try:
        django.setup()
        from sovereign.launcher import run

        return run.run()
    except (LaunchError, ImproperlyConfigured) as error:
        complain(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        complain("\nStopped before the start.")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
