"""What rooms above keep of a collection, for its archive. Each registers its part when it is loaded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accounts.models import User
from ingest.models import Collection

#: Lines (without their ends) of what `user` may take along; user None: whoever runs the machine.
Give = Callable[[User | None, Collection], Iterator[bytes]]
#: Take these lines into the new collection, in the transaction that shows it; how many were taken.
Take = Callable[[User | None, Collection, bytes], int]


@dataclass(frozen=True, slots=True)
class Part:
    give: Give
    take: Take


#: By the name of its member.
parts: dict[str, Part] = {}


def register(name: str, give: Give, take: Take) -> None:
    parts[name] = Part(give, take)
