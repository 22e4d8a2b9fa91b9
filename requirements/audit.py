"""`make audit-deps`: ask for published advisories of what is pinned. Never at run time.

Needs the network, and pip-audit, which uv fetches for the occasion. Exit code 0: nothing that is not in
advisories.toml. 1: something is. 75: it could not be asked, which is not the same as nothing.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compliance.advisories import Exemption, load, release

HERE = Path(__file__).resolve().parent
NOT_ASKED = 75
SECONDS = 600


def main() -> int:
    exemptions = load(HERE / "advisories.toml")
    answers = [_advisories(exemptions), _releases(exemptions)]
    return 1 if 1 in answers else max(answers)


def pinned() -> list[str]:
    """`name==version` of everything that set-up installs."""
    lines = [
        line.partition(" ")[0]
        for name in ("base.txt", "torch.txt", "xllamacpp.txt")
        for line in (HERE / name).read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    ]
    recipe = (HERE.parent / "sovereign" / "setup" / "llama_wheel.py").read_text(encoding="utf-8")
    version = re.search(r'^VERSION = "([^"]+)"', recipe, re.MULTILINE)
    return [*lines, f"llama-cpp-python=={version[1]}"] if version else lines


def _advisories(exemptions: list[Exemption]) -> int:
    """0, 1 or NOT_ASKED for all that is pinned."""
    uv = str(Path(sys.executable).parent / "uv")
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "pinned.txt"
        wanted.write_text("\n".join(pinned()), encoding="utf-8")
        done = _run(uv, "tool", "run", "pip-audit", "--requirement", str(wanted), *options)
    try:
        packages = json.loads(done.stdout)["dependencies"] if done else []
    except (ValueError, KeyError):
        packages = []
    if not packages:
        _say(
            "NOT ASKED: pip-audit could not be run. " + (done.stderr.strip()[-300:] if done else "")
        )
        return NOT_ASKED
    return judge(packages, exemptions)


def judge(packages: list[dict[str, Any]], exemptions: list[Exemption]) -> int:
    """What pip-audit's answer comes to. It ends with 0 itself where it could ask about nothing."""
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if len(skipped) == len(packages):
        _say(
            f"NOT ASKED: the advisory service knows none of the {len(packages)} packages, so it is "
            "not reachable from here. Run this where it is."
        )
        return NOT_ASKED
    if skipped:
        _say(f"Not known to the advisory service: {', '.join(skipped)}.")
    problems = [
        problem
        for package in packages
        for advisory in package.get("vulns", [])
        if (problem := _problem(package, advisory, exemptions))
    ]
    for problem in problems:
        _say(problem)
    if not problems:
        asked = len(packages) - len(skipped)
        _say(f"{asked} packages asked about: no advisory but those of advisories.toml.")
    return 1 if problems else NOT_ASKED if skipped else 0


def _problem(
    package: dict[str, Any], advisory: dict[str, Any], exemptions: Iterable[Exemption]
) -> str:
    names = {advisory["id"], *advisory.get("aliases", [])}
    what = f"{package['name']} {package['version']}: {', '.join(sorted(names))}"
    known = any(
        each.package == package["name"]
        and each.names(names)
        and each.applies_to(package["version"])
        for each in exemptions
    )
    if fixed := advisory.get("fix_versions"):
        return f"{what}: fixed in {', '.join(fixed)}. Pin that one (`make lock`)."
    return "" if known else f"{what}: not in advisories.toml, and no release corrects it yet."


def _releases(exemptions: list[Exemption]) -> int:
    """Whether the package index has a newer release of an excepted package than was looked at."""
    worst = 0
    for package, seen in sorted({(each.package, each.newest_seen) for each in exemptions}):
        done = _run(sys.executable, "-m", "pip", "index", "versions", package)
        match = re.search(rf"^{package} \(([^)]+)\)", done.stdout if done else "", re.MULTILINE)
        if not match:
            _say(f"NOT ASKED: the package index does not answer for {package}.")
            worst = worst or NOT_ASKED
        elif release(match[1]) > release(seen):
            _say(f"{package} {match[1]} is out: look whether it corrects its advisories.")
            worst = 1
        else:
            _say(f"{package}: {match[1]} is the newest release, as when it was looked at.")
    return worst


def _run(*command: str) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(  # noqa: S603 (our own arguments, no shell)
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
