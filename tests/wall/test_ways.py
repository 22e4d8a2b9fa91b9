"""Ways around the guard, each tried for real under every layer alone, under none and under all.

They run in a private network that plays the machine (world.py), so that one which gets through is
seen to get through, and still goes nowhere. docs/wall.md has the table.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wall import ways, ways_local  # noqa: F401 (adds its ways)
from tests.wall.ways import LAYERS, WAYS
from wall import landlock, seccomp

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parent.parent.parent
#: What no wall of ours stops. docs/wall.md says so, under "What it does not cover".
NOT_STOPPED = {
    "the same, to the listed port: one empty packet",
    "a socket given by a program outside, in our own data folder",
}
WHOLE = seccomp.available() and landlock.abi() >= 6


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    if not WHOLE:
        pytest.skip(f"NOT ALL WALLS HERE: Landlock {landlock.abi()}, 6 is needed, and seccomp")
    done = subprocess.run(
        [sys.executable, "-m", "tests.wall.world", str(tmp_path_factory.mktemp("world"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and ("unshare" in done.stderr or "netlink 16" in done.stderr):
        pytest.skip(f"NO PRIVATE NETWORK HERE: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_there_are_enough_of_them() -> None:
    assert len(WAYS) >= 30
    assert {name for name, way in WAYS.items() if not way.stopped_by} == NOT_STOPPED


def test_the_documentation_has_each_with_its_layers() -> None:
    rows = (ROOT / "docs/wall.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows if row.startswith("|")]
    written = {
        row[0].removesuffix(" (1)"): {each for each in row[1].split(", ") if each != "**nothing**"}
        for row in cells
        if len(row) == 3
    }
    for name, way in WAYS.items():
        expected = {"the socket's locks" if each == "door" else each for each in way.stopped_by}
        assert written.get(name) == expected, name


@pytest.mark.parametrize("name", sorted(set(WAYS) - NOT_STOPPED))
def test_all_walls_together_stop_it(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    assert not outcomes[name]["all"]["through"], outcomes[name]["all"]


@pytest.mark.parametrize("name", sorted(WAYS))
def test_each_layer_stops_what_it_is_said_to(
    name: str, outcomes: dict[str, dict[str, Any]]
) -> None:
    """The attempt is real: without walls it gets through. Where this kernel has none of it, it
    says nothing about a layer, and the test above still holds."""
    way, found = WAYS[name], outcomes[name]
    if way.stopped_by == {"door"}:
        assert not any(found[layer]["through"] for layer in found), "the socket's own locks"
        return
    if not found["none"]["through"] and not way.sure:
        return
    assert found["none"]["through"], found["none"]
    stopped = {layer for layer in LAYERS if not found[layer]["through"]}
    assert stopped == set(way.stopped_by), found


@pytest.mark.parametrize("name", sorted(NOT_STOPPED))
def test_what_is_not_stopped_is_written_down(
    name: str, outcomes: dict[str, dict[str, Any]]
) -> None:
    assert outcomes[name]["all"]["through"], "it is stopped by now: say so in docs/wall.md"
