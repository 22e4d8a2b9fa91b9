"""Keys of originals: one for each document, wrapped by a master key, in a folder of their own.

DATA_DIR/keys/ab/HEX (one file for each document, 0600):

    magic "SOVKEY\\0" | version 1 | id of the master key (8 bytes) | nonce (12) | AES-256-GCM(key)

The associated data is all before the nonce and the id of the document, so that a wrapped key opens
no other document. The master key is the first line of a file or of a command's output, in base64;
further lines are older keys that still open what they wrapped, until a rotation has gone through.
The folder lies neither in the database nor beside the originals: a backup that leaves it out holds
originals that nobody can read once their keys are erased here (docs/encryption.md).
"""

import base64
import binascii
import errno
import fcntl
import hashlib
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from ingest.vault import KEY_BYTES, Unreadable

_MAGIC = b"SOVKEY\0\x01"
_ID = 8
_NONCE = 12
_COMMAND_SECONDS = 30
#: More than any file of a few keys has.
_MOST_BYTES = 64 * 1024
#: Keys that a check opens: a wrong master key opens none.
_LOOKED_AT = 200


class MasterKeyError(Unreadable):
    """The master key is not there, or is none. `why` is for administrators; it holds no key."""

    def __init__(self, why: str) -> None:
        super().__init__("key-missing")
        self.why = why


def keys_dir() -> Path:
    return Path(settings.DATA_DIR) / "keys"


def key_path(document: UUID) -> Path:
    return keys_dir() / document.hex[:2] / document.hex


def master_id(master: bytes) -> str:
    """What a master key is called: the beginning of its hash, in hex."""
    return hashlib.sha256(b"sovereign master key\0" + master).hexdigest()[: 2 * _ID]


def masters() -> list[bytes]:
    """The master keys, the one that wraps first. Made at first use where no setting names another.

    Raises MasterKeyError.
    """
    if settings.MASTER_KEY_COMMAND:
        return _parsed(_printed(settings.MASTER_KEY_COMMAND))
    file = Path(settings.MASTER_KEY_FILE)
    if not file.exists() and makes_its_own():
        _make(file)
    try:
        with file.open("rb") as opened:
            return _parsed(opened.read(_MOST_BYTES))
    except OSError as error:
        raise MasterKeyError(f"{file} cannot be read ({error.strerror}).") from error


def makes_its_own() -> bool:
    """Whether the file is ours to make and to change: at its usual place, for no command."""
    usual = Path(settings.DATA_DIR) / "secrets" / "master_key"
    return not settings.MASTER_KEY_COMMAND and Path(settings.MASTER_KEY_FILE) == usual


def _make(file: Path) -> None:
    """A new key in a new file; one that another process makes meanwhile wins."""
    if next(wrapped(), None) is not None and not file.exists():
        raise MasterKeyError(f"{file} is gone. Put it back from its backup.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(file, encoded([AESGCM.generate_key(KEY_BYTES * 8)]))
    try:
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    _sync_folder(file.parent)


def encoded(keys: list[bytes]) -> bytes:
    """Master keys as their file has them."""
    return b"".join(base64.b64encode(key) + b"\n" for key in keys)


def _parsed(data: bytes) -> list[bytes]:
    try:
        keys = [base64.b64decode(line, validate=True) for line in data.split()]
    except binascii.Error as error:
        raise MasterKeyError("The master key is not base64.") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise MasterKeyError(f"The master key must be {KEY_BYTES} bytes in base64.")
    return keys


@lru_cache(maxsize=1)
def _printed(command: str) -> bytes:
    """What the command prints. Once for each process: it may ask a device that is slow."""
    try:
        done = subprocess.run(  # noqa: S603 (the administrator's own command, without a shell)
            shlex.split(command), capture_output=True, timeout=_COMMAND_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise MasterKeyError(
            f"SOVEREIGN_MASTER_KEY_COMMAND failed ({type(error).__name__})."
        ) from error
    return done.stdout[:_MOST_BYTES]


def wrap(key: bytes, document: UUID) -> bytes:
    """`key` as its file has it. Raises MasterKeyError."""
    master = masters()[0]
    head = _MAGIC + bytes.fromhex(master_id(master))
    nonce = os.urandom(_NONCE)
    return head + nonce + AESGCM(master).encrypt(nonce, key, head + document.bytes)


def unwrap(data: bytes, document: UUID) -> bytes:
    """The key in the bytes of its file. Raises Unreadable `key-missing`."""
    head, nonce = data[: len(_MAGIC) + _ID], data[len(_MAGIC) + _ID :][:_NONCE]
    master = {master_id(each): each for each in masters()}.get(wrapped_by(data))
    if master is None:
        raise Unreadable("key-missing")
    try:
        return AESGCM(master).decrypt(nonce, data[len(head) + _NONCE :], head + document.bytes)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("key-missing") from error


def wrapped_by(data: bytes) -> str:
    """The id of the master key that wrapped this; "" for bytes that are no wrapped key."""
    return data[len(_MAGIC) :][:_ID].hex() if data.startswith(_MAGIC) else ""


def load(document: UUID) -> bytes:
    """The key of a document. Raises Unreadable `key-missing`."""
    try:
        data = key_path(document).read_bytes()
    except FileNotFoundError as error:
        raise Unreadable("key-missing") from error
    return unwrap(data, document)


def save(key: bytes, document: UUID) -> None:
    """Keep a key: it is on the disk when this returns. Raises MasterKeyError, OSError.

    Call it under lock(), together with what makes the key's file appear.
    """
    put(document, wrap(key, document))


def put(document: UUID, data: bytes) -> None:
    """Write a wrapped key in the place of whatever is there, whole or not at all."""
    file = key_path(document)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _draft(file, data).replace(file)
    _sync_folder(file.parent)


def destroy(document: UUID) -> None:
    """Erase a key for good, as far as the disk obeys: overwritten, then removed.

    A disk that writes elsewhere (SSD, copy on write, snapshots) may keep the old bytes a while:
    they are wrapped by the master key (docs/encryption.md). Call it under lock().
    """
    file = key_path(document)
    try:
        # In the place of a link: what it leads to is none of ours to overwrite.
        descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "r+b") as opened:
            opened.write(bytes(os.fstat(descriptor).st_size))
            opened.flush()
            os.fsync(opened.fileno())
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    file.unlink(missing_ok=True)
    _sync_folder(file.parent)


def wrapped() -> Iterator[tuple[UUID, bytes]]:
    """Every key file: the id of its document, its bytes. One that goes meanwhile is left out."""
    for file in keys_dir().glob("??/" + "?" * 32):
        with suppress(ValueError, FileNotFoundError):
            yield UUID(file.name), file.read_bytes()


def trouble() -> str:
    """What is wrong with the master key, in a sentence for administrators, or "". Makes no key."""
    some = list(islice(wrapped(), _LOOKED_AT))
    if makes_its_own() and not some and not Path(settings.MASTER_KEY_FILE).exists():
        return ""
    try:
        known = {master_id(master) for master in masters()}
    except MasterKeyError as error:
        return error.why
    lost = sum(wrapped_by(data) not in known for _, data in some)
    return f"{lost} of {len(some)} keys were wrapped by another master key." if lost else ""


@contextmanager
def lock(*, alone: bool = False) -> Iterator[None]:
    """Held by who writes or destroys a key and its original; `alone` by who changes many.

    Without it a rotation could write back a key that was destroyed a moment ago.
    """
    keys_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(keys_dir() / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def write_masters(keys: list[bytes]) -> None:
    """Replace the file of master keys, whole or not at all."""
    file = Path(settings.MASTER_KEY_FILE)
    _draft(file, encoded(keys)).replace(file)
    _sync_folder(file.parent)


def _draft(file: Path, data: bytes) -> Path:
    """A new file with a random name beside `file`, on the disk when this returns; none where it fails."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
