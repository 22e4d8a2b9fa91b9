"""The systemd unit: read as text everywhere, and by systemd itself where it is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.conftest import ROOT

UNIT = ROOT / "deploy" / "sovereign.service"
#: What the launcher and its holder ask of the kernel to build the wall.
FOR_THE_WALL = {
    *("unshare", "setns", "mount", "mount_setattr", "capset", "prctl", "seccomp"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
}


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_nothing_but_this_machine_can_be_reached() -> None:
    assert settings()["IPAddressDeny"] == ["any"]
    assert settings()["IPAddressAllow"] == ["localhost"]
    assert set(settings()["RestrictAddressFamilies"][0].split()) == {
        *("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK")
    }


def test_no_right_is_given_and_little_can_be_written() -> None:
    found = settings()
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == [""]
    assert found["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in found, "the state and the cache folder are enough"
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelTunables"):
        assert found[name] == ["yes"], name
    assert found["User"] == ["sovereign"]


def test_the_namespaces_of_the_wall_can_be_made_and_must_hold() -> None:
    assert set(settings()["RestrictNamespaces"][0].split()) == {"user", "net", "mnt"}
    assert "SOVEREIGN_REQUIRE_WALL=namespace" in settings()["Environment"]


def _of_systemd(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("NO systemd HERE: apt install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_systemd_takes_the_unit_without_a_word(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    here = text.replace("/opt/sovereign/.venv/bin/python", sys.executable)
    (tmp_path / "sovereign.service").write_text(here.replace("/opt/sovereign", str(ROOT)))
    checked = _of_systemd("verify", "--man=no", str(tmp_path / "sovereign.service"))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_filter_of_system_calls_lets_the_wall_be_built() -> None:
    allowed: set[str] = set()
    for value in settings()["SystemCallFilter"]:
        calls = {call for word in value.lstrip("~").split() for call in _calls(word)}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    assert allowed >= FOR_THE_WALL
    assert not allowed & {"kexec_load", "init_module", "reboot", "swapon", "bpf"}


def _calls(word: str) -> set[str]:
    """The calls of a group, groups in it included."""
    if not word.startswith("@"):
        return {word}
    listed = _of_systemd("syscall-filter", word).stdout.splitlines()
    words = [line.strip() for line in listed if line.startswith(" ") and "#" not in line]
    return {call for each in words for call in _calls(each)}
