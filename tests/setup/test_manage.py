"""`manage.py` on a folder without a database says so in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "reindex", "--status"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "sovereign.settings",
            "SOVEREIGN_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"no tables in the database of {tmp_path}" in ended.stderr
    assert "Traceback" not in ended.stderr
