"""Many sign-ins at once must not take all memory."""

import threading
import time

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.hashers import AT_ONCE, BoundedArgon2Hasher


def test_few_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def slow(*_: object) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if running >= AT_ONCE:
            full.set()
        full.wait(60)
        time.sleep(0.02)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(Argon2PasswordHasher, "verify", slow)
    hasher = BoundedArgon2Hasher()
    threads = [threading.Thread(target=hasher.verify, args=("x", "y")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == AT_ONCE


def test_it_hashes_as_before() -> None:
    encoded = Argon2PasswordHasher().encode("correct horse", "a-salt-of-some-letters")
    hasher = BoundedArgon2Hasher()
    assert hasher.verify("correct horse", encoded) and not hasher.verify("wrong", encoded)
    assert encoded.startswith("argon2$argon2id$")
