"""The installation's signing key: Ed25519 (RFC 8032), made at first use, for its owner alone.

Whoever holds the file can sign in this installation's name. The public half and its fingerprint
are for the compliance officer, who keeps them on another machine (docs/record.md).
"""

import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings


class KeyUnusable(Exception):
    """A key file that is no Ed25519 key. The message is for people and names no secret."""


def key_file() -> Path:
    return Path(settings.DATA_DIR) / "secrets" / "evidence_key"


def sign(message: bytes) -> bytes:
    """Return the 64 bytes of the signature (RFC 8032, section 5.1.6)."""
    return _private().sign(message)


def public_pem() -> str:
    """The public key as PEM (RFC 8410): what an officer keeps and a verifier is given."""
    made = _private().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made.decode("ascii")


def fingerprint(pem: str | None = None) -> str:
    """SHA-256 of the public key's DER form (SubjectPublicKeyInfo), 64 hex digits.

    Without `pem`: of this installation. Raises KeyUnusable.
    """
    key = _private().public_key() if pem is None else public_key(pem)
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def verify(message: bytes, signature: bytes, pem: str | None = None) -> bool:
    """Whether `signature` is of `message` by this installation, or by the key in `pem`.

    Raises KeyUnusable where `pem` holds none.
    """
    key = _private().public_key() if pem is None else public_key(pem)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def public_key(pem: str) -> Ed25519PublicKey:
    """Read a public key. Raises KeyUnusable."""
    try:
        key = load_pem_public_key(pem.encode("utf-8"))
    except ValueError as error:
        raise KeyUnusable("This is no public key in PEM form.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("This is a public key of another kind than Ed25519.")
    return key


def _private() -> Ed25519PrivateKey:
    # Read anew each time: a copy in memory would hide that the file was exchanged.
    file = key_file()
    if not file.exists():
        _make(file)
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(f"{file} holds no private key in PEM form.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{file} holds a key of another kind than Ed25519.")
    return key


def _make(file: Path) -> None:
    """Make the key unless another process was first. Nobody ever reads half of one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp opens with O_EXCL and mode 600; link() fails where the name is taken already.
    descriptor, temporary = tempfile.mkstemp(prefix=".evidence_key-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as made:
            made.write(
                Ed25519PrivateKey.generate().private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                )
            )
            made.flush()
            os.fsync(made.fileno())
        try:
            os.link(temporary, file)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
