#!/usr/bin/env python
"""Django's command line. `make up` calls it for you; see README.md."""

# The guard comes before any other import: nothing that is imported can reach out while it is.
from wall import guard

guard.install("command")

import os  # noqa: E402
import sys  # noqa: E402

from wall import join  # noqa: E402

#: It downloads the models, so it alone is run outside; nobody's text is in reach of what it starts.
OUTSIDE = ["models", "fetch"]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")
    if sys.argv[1:3] != OUTSIDE:
        join.ask()
    try:
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError
    except ImportError:
        sys.exit("Django is not installed here. Run `make up`, or use .venv/bin/python manage.py.")
    try:
        # The settings go behind the wall of the Sovereign that runs, before anything else is loaded.
        execute_from_command_line(sys.argv)
    except join.CannotJoin as error:
        sys.exit(str(error))
    except DatabaseError as error:
        if not any(words in str(error) for words in ("no such table", "does not exist")):
            raise
        sys.exit(_without_tables())


def _without_tables() -> str:
    from django.conf import settings

    return (
        f"There are no tables in the database of {settings.DATA_DIR}. `make up` makes them. If your "
        "Sovereign keeps its data elsewhere, put SOVEREIGN_DATA_DIR=FOLDER before the command."
    )


if __name__ == "__main__":
    main()
