"""What verification finds: which fault, at which position, of which entry."""

from dataclasses import dataclass, field

#: More than a person reads; the rest is counted.
MOST = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` never changes its meaning (docs/record.md lists all). `position` counts in the chain,
    `entry` is the id of the row; None where nothing can be said."""

    code: str
    position: int | None = None
    entry: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        place = "" if self.position is None else f" at position {self.position}"
        which = "" if self.entry is None else f", entry {self.entry}"
        return f"{self.code}{place}{which}: {self.detail}"


@dataclass(slots=True)
class Faults:
    """Collects the first MOST and counts the rest."""

    found: list[Fault] = field(default_factory=list)
    more: int = 0

    def add(self, fault: Fault) -> None:
        if len(self.found) < MOST:
            self.found.append(fault)
        else:
            self.more += 1

    def all(self) -> list[Fault]:
        if not self.more:
            return list(self.found)
        return [*self.found, Fault("more", detail=f"{self.more} more faults were found.")]
