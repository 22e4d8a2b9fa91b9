"""Argon2 with a bound on how many run at once.

Each takes 100 MB of memory, and anybody may ask for one: a few hundred sign-ins of a stranger at
the same moment would end the process.
"""

import threading
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

#: More would not be faster: one already keeps several cores busy.
AT_ONCE = 4

_places = threading.BoundedSemaphore(AT_ONCE)


class BoundedArgon2Hasher(Argon2PasswordHasher):
    """Hashes as Argon2PasswordHasher does; whoever comes when all places are taken waits."""

    def encode(self, password: str, salt: str) -> Any:
        with _places:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _places:
            return bool(super().verify(password, encoded))
