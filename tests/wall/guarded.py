"""Python texts that run under the guard, as the product's processes do, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.wall.inside import ROOT

#: What each text may use: `tried(do)` is the name of what `do()` raises, or "" where it returns.
BEFORE = """
import json, os, socket, sys
from pathlib import Path
from wall import guard
folder = Path(sys.argv[1])
def tried(do, *args):
    try:
        do(*args)
    except Exception as error:
        return type(error).__name__
    return ""
def connect(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(20)
        client.connect(address)
def say(what):
    print(json.dumps(what))
"""


def command(folder: Path, text: str, *arguments: str, role: str = "web") -> list[str]:
    script = folder / "script.py"
    script.write_text(BEFORE + text)
    return [sys.executable, "-m", "wall.guarded", role, str(script), str(folder), *arguments]


def run(folder: Path, text: str, *arguments: str, **environment: str) -> Any:
    """What TEXT printed last, as JSON. `folder` and `sys.argv[2:]` are known to it."""
    ended = subprocess.run(
        command(folder, text, *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.strip().splitlines()[-1])


def lines(folder: Path) -> list[dict[str, Any]]:
    """What was written down in FOLDER."""
    file = folder / "refused.jsonl"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines()]
