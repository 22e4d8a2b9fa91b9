"""`make test-services`: the tests that touch the database on PostgreSQL, and the service tests.

A PostgreSQL of its own runs for as long as pytest does. Arguments go to pytest; where they name
files or folders, only those are run.
"""

import os
import subprocess
import sys

from tests.services.programs import ROOT
from tests.services.servers import MISSING, installed, postgres

FOLDERS = [
    *(
        "tests/accounts",
        "tests/ingest",
        "tests/sources",
        "tests/chat",
        "tests/audit",
        "tests/compliance",
        "tests/pages",
        "tests/services",
    ),
    *("tests/test_doors.py", "tests/test_error_pages.py", "tests/setup/test_health.py"),
]
MARKS = "services or not (live or browser or bench or handbook or long)"


def main(arguments: list[str]) -> int:
    if not installed():
        sys.stderr.write(f"{MISSING}\n")
        return 1
    named = [argument for argument in arguments if (ROOT / argument.split("::")[0]).exists()]
    command = [sys.executable, "-m", "pytest", "-m", MARKS, *arguments, *([] if named else FOLDERS)]
    with postgres() as server:
        url = f"postgres://{server.user}@127.0.0.1:{server.port}/postgres"
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
