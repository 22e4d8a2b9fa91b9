"""requirements/advisories.toml: known advisories of pinned packages, each with a reason and an end."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Exemption:
    """One advisory that is lived with. `first` and `last` are the affected releases, both included."""

    id: str
    aliases: tuple[str, ...]
    package: str
    first: str
    last: str
    newest_seen: str
    about: str
    reason: str
    owner: str
    reviewed: date
    expires: date

    def applies_to(self, version: str) -> bool:
        return release(self.first) <= release(version) <= release(self.last)

    def names(self, identifiers: set[str]) -> bool:
        """Whether one of `identifiers` is this advisory, under any of its names."""
        return bool(identifiers & {self.id, *self.aliases})


def load(file: Path) -> list[Exemption]:
    """Raises KeyError or TypeError for a file that lacks a field or has one too many."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        Exemption(
            first=each.pop("from"),
            last=each.pop("through"),
            aliases=tuple(each.pop("aliases")),
            **each,
        )
        for each in content["exception"]
    ]


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version for comparing: enough for the releases that the file names."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))
