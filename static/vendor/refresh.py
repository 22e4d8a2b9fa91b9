"""Fetch htmx from the npm registry again and write down what was fetched.

Run by hand: `python static/vendor/refresh.py 2.0.11`. Needs npm, which checks the package against
the registry's integrity value. Nothing at run time fetches anything.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {"package/dist/htmx.min.js": "htmx.min.js", "package/LICENSE": "htmx.LICENSE"}


def main(version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"htmx.org@{version}"]
        name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(Path(folder) / name.stdout.strip()) as package:
            for inside, target in FILES.items():
                member = package.extractfile(inside)
                if member is None:
                    raise SystemExit(f"{inside} is not in the package")
                (HERE / target).write_bytes(member.read())
    digest = hashlib.sha256((HERE / "htmx.min.js").read_bytes()).hexdigest()
    print(f"| htmx.min.js | htmx.org {version} | {digest} |")


if __name__ == "__main__":
    main(sys.argv[1])
