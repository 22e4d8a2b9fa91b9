import hashlib
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from audit import keys


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path


def test_a_signature_holds() -> None:
    assert keys.verify(b"what is said", keys.sign(b"what is said"))


def test_a_signature_of_something_else_does_not_hold() -> None:
    assert not keys.verify(b"what is sald", keys.sign(b"what is said"))


def test_the_public_half_is_enough_to_verify() -> None:
    assert keys.verify(b"said", keys.sign(b"said"), keys.public_pem())


def test_the_key_is_for_its_owner_alone() -> None:
    keys.sign(b"")
    assert stat.S_IMODE(keys.key_file().stat().st_mode) == 0o600


def test_the_fingerprint_is_of_the_der_form() -> None:
    der = load_pem_public_key(keys.public_pem().encode()).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert keys.fingerprint() == hashlib.sha256(der).hexdigest()


def test_the_fingerprint_of_a_public_key_elsewhere_is_the_same() -> None:
    assert keys.fingerprint(keys.public_pem()) == keys.fingerprint()


def test_of_many_who_make_the_key_at_once_one_wins() -> None:
    start = threading.Barrier(8)

    def first_use() -> str:
        start.wait(30)
        return keys.fingerprint()

    with ThreadPoolExecutor(8) as pool:
        seen = {each.result() for each in [pool.submit(first_use) for _ in range(8)]}
    assert seen == {keys.fingerprint()}


def test_nothing_is_left_beside_the_key() -> None:
    keys.sign(b"")
    assert [file.name for file in keys.key_file().parent.iterdir()] == ["evidence_key"]


def test_an_exchanged_key_is_noticed_at_once() -> None:
    before = keys.fingerprint()
    keys.key_file().unlink()
    assert keys.fingerprint() != before


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"not a key",
        lambda: generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ],
    ids=["empty", "text", "another-kind"],
)
def test_a_file_that_holds_no_such_key_is_refused(content: Callable[[], bytes]) -> None:
    keys.key_file().parent.mkdir()
    keys.key_file().write_bytes(content())
    with pytest.raises(keys.KeyUnusable):
        keys.sign(b"")


@pytest.mark.parametrize("pem", ["", "nonsense", "é"])
def test_a_public_key_that_is_none_is_refused(pem: str) -> None:
    with pytest.raises(keys.KeyUnusable):
        keys.fingerprint(pem)
