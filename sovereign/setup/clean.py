"""Erases what the product wrote, and nothing else that may lie in the same folder."""

import os
import shutil
from pathlib import Path

import machine
from tell import SetupError

#: What the product makes in its data folder. The secrets go too: sessions and links end.
OWN = ("documents", "chroma", "broker", "static", "secrets", "run", "logs", "bench")
DATABASE = "db.sqlite3"


def erase(data: Path) -> None:
    """Ask, then erase. Refused while the launcher runs. `CONFIRM=yes` answers for a script."""
    machine.check_not_running(data / "launcher.lock")
    found = [data / name for name in OWN if (data / name).exists()]
    found += sorted(data.glob(f"{DATABASE}*"))
    if not found:
        print(f"{data} holds nothing of Sovereign.")
        return
    if not _confirmed(data):
        raise SetupError("Nothing was erased.")
    for path in found:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    print(f"Erased {len(found)} entries of {data}. The models and built wheels stay in the cache.")


def _confirmed(data: Path) -> bool:
    if os.environ.get("CONFIRM") == "yes":
        return True
    try:
        answer = input(f"Erase every document, account and answer in {data}? Type yes: ")
    except EOFError:
        return False
    return answer.strip() == "yes"
