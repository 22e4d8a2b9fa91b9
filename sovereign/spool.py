"""What a request brings, until it is read: small in memory, large in a file that nobody can read.

The file has no name (O_TMPFILE where the disk has it), so that no crash leaves it behind, and its
bytes are encrypted (AES-256-CTR) with a key that was never outside this process's memory, so that
what lies on the disk afterwards is noise. Nobody else can write there, hence no tag.
"""

import io
import os
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any, cast

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.handlers.asgi import ASGIHandler

_BLOCK = 16


class Spool(io.RawIOBase):
    """Written from beginning to end, then read from anywhere. Above `most` bytes it moves to a disk."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._file: io.IOBase = io.BytesIO()
        self._aes: AES | None = None
        self._cipher: CipherContext | None = None
        self._size = self._place = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._place, self._cipher = start + offset, None
        return self._place

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        if self._place != self._size:
            raise io.UnsupportedOperation("a spool is written at its end")
        if self._aes is None and self._size + len(data) > self._most:
            self._move()
        self._file.seek(self._size)
        self._put(self._crypt(bytes(data)))
        self._size = self._place = self._size + len(data)
        return len(data)

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        self._file.seek(self._place)
        data = self._crypt(self._file.read(len(buffer)))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def _move(self) -> None:
        """From memory to a file, which is closed, and so gone, with this object."""
        kept = self._file.getvalue()  # type: ignore[attr-defined]
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 (close() closes it)
            dir=settings.FILE_UPLOAD_TEMP_DIR, buffering=0
        )
        self._aes, self._place = AES(os.urandom(32)), 0
        self._put(self._crypt(kept))
        self._place = len(kept)

    def _crypt(self, data: bytes) -> bytes:
        """CTR is its own inverse. The cipher goes on where it was; after a seek it starts anew."""
        if self._aes is None:
            return data
        if self._cipher is None:
            block, inside = divmod(self._place, _BLOCK)
            self._cipher = Cipher(self._aes, CTR(block.to_bytes(_BLOCK, "big"))).encryptor()
            self._cipher.update(bytes(inside))
        return self._cipher.update(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class SpoolUploadHandler(FileUploadHandler):
    """A file of a form that is too large for memory, in a spool instead of a named file."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._file: UploadedFile[bytes] = UploadedFile(
            cast("IO[bytes]", Spool(0)),
            self.file_name,
            self.content_type,
            0,
            self.charset,
            self.content_type_extra,
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._file.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self._file.seek(0)
        self._file.size = file_size
        return self._file

    def upload_interrupted(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


class SpoolingHandler(ASGIHandler):
    """Django's handler, with a spool for the body of a request."""

    async def read_body(  # type: ignore[override]
        self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
    ) -> Spool:
        body, more = Spool(settings.FILE_UPLOAD_MAX_MEMORY_SIZE), True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                body.write(message.get("body", b""))
                more = message.get("more_body", False)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body
