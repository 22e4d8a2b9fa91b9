"""The control groups (version 2) of this process: its own first, then those around it.

In a container the own one is the root that is seen; a service of systemd lies some folders below it.
"""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def folders(root: Path = ROOT, own: Path = OWN) -> list[Path]:
    """Each limits what is inside, so the tightest counts."""
    try:
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    path = next((line[3:] for line in lines if line.startswith("0::/")), "/")
    # Where only a part of the tree is seen, the path may lead out of it: the root is left.
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    found = [root.joinpath(*parts[:count]) for count in range(len(parts), 0, -1)]
    return [*(folder for folder in found if folder.is_dir()), root]
