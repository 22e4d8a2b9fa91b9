"""Fetch a vendored library from the npm registry again and write down what was fetched.

Run by hand: `python static/vendor/refresh.py htmx.org 2.0.11`. Needs npm, which checks the package
against the registry's integrity value. Nothing at run time fetches anything.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: By package: the script, and the licence beside it.
FILES = {
    "htmx.org": {"package/dist/htmx.min.js": "htmx.min.js", "package/LICENSE": "htmx.LICENSE"},
    "dompurify": {"package/dist/purify.min.js": "purify.min.js", "package/LICENSE": "purify.LICENSE"},
}
#: Names a file for debuggers that is not here.
SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=\S+\s*\Z")


def main(package: str, version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{package}@{version}"]
        name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(Path(folder) / name.stdout.strip()) as archive:
            for inside, target in FILES[package].items():
                member = archive.extractfile(inside)
                if member is None:
                    raise SystemExit(f"{inside} is not in the package")
                (HERE / target).write_bytes(SOURCE_MAP.sub(b"\n", member.read()))
    script = next(name for name in FILES[package].values() if name.endswith(".js"))
    digest = hashlib.sha256((HERE / script).read_bytes()).hexdigest()
    print(f"| {script} | {package} {version} | {digest} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
