"""What the rooms keep about a person, for the file that she takes along (compliance/person.py).

A room above that one adds its part here when it is loaded.
"""

from collections.abc import Callable
from typing import Any

from accounts.models import User

Part = Callable[[User], list[dict[str, Any]]]

#: The name of each file, and what it lists.
parts: dict[str, Part] = {}


def belongs(name: str) -> Callable[[Part], Part]:
    """Let a function of a person list what stands in the file `name`, as JSON can say it."""

    def add(part: Part) -> Part:
        parts[name] = part
        return part

    return add
