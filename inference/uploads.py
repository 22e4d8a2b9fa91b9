"""A model file that comes in pieces: into a folder of its own beside the models, bounded by what is free.

An upload is its uploader's: to anybody else it is as if there were none.
"""

import hashlib
import re
import shutil
import time
from pathlib import Path
from uuid import UUID, uuid4

from inference.errors import ModelError
from inference.fit import gigabytes
from inference.gguf import MAGIC

FOLDER = ".upload"
#: Bytes of a piece at most.
MOST_PIECE = 8_388_608
#: What stays free on the disk.
RESERVE = 2_000_000_000
#: One that nothing was added to for this long is taken away.
STALE_SECONDS = 86_400.0
_NAME = re.compile(r"[^/\\\x00]{1,200}\.gguf", re.IGNORECASE)


class Uploads:
    """Those under one folder of models. Every method raises ModelError."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder / FOLDER, most

    def begin(self, name: str, size: int, by: str) -> str:
        """The id of a new one, of BY alone. Raises `upload-name`, `upload-too-large`, `disk-full`."""
        if not _NAME.fullmatch(name):
            raise ModelError("upload-name", "Choose a file whose name ends with .gguf.")
        if not 0 < size <= self._most:
            raise ModelError(
                "upload-too-large",
                f"Files of up to {gigabytes(self._most)} GB are taken here "
                "(SOVEREIGN_MODEL_UPLOAD_GB). Put a larger one into the models folder by other means.",
            )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tidy()
        self._check_disk(size)
        identity = str(uuid4())
        self._file(identity, by).touch(mode=0o600)
        return identity

    def put(self, identity: str, by: str, offset: int, data: bytes) -> int:
        """Add DATA at OFFSET, which must be its end; returns how many bytes are there.

        Raises `upload-unknown`, `upload-place`, `upload-too-large`, `model-damaged`, `disk-full`.
        """
        file = self.known(identity, by)
        size = file.stat().st_size
        if offset != size:
            raise ModelError("upload-place", f"Go on at byte {size}: that is what is here.")
        if len(data) > MOST_PIECE or size + len(data) > self._most:
            raise ModelError("upload-too-large", "This piece is larger than what is taken here.")
        if offset == 0 and not data.startswith(MAGIC):
            raise ModelError(
                "model-damaged", "This is no GGUF file: it does not begin with these letters."
            )
        self._check_disk(len(data))
        with file.open("ab") as target:
            target.write(data)
        return size + len(data)

    def drop(self, identity: str, by: str) -> None:
        self.known(identity, by).unlink(missing_ok=True)

    def moved(self, identity: str, by: str, target: Path) -> Path:
        """Give it a place of its own. Raises `upload-unknown`, `model-name` where that is taken."""
        file = self.known(identity, by)
        if target.parent.exists():
            raise ModelError(
                "model-name",
                f"There is a folder {target.parent.name} already: choose another name.",
            )
        target.parent.mkdir(parents=True)
        return Path(shutil.move(file, target))

    def known(self, identity: str, by: str) -> Path:
        """Where it lies. Raises `upload-unknown`, also where it is another's."""
        file = self._file(identity, by)
        if not file.is_file():
            raise ModelError("upload-unknown", "There is no such upload: begin it again.")
        return file

    def _file(self, identity: str, by: str) -> Path:
        # In the name, so that it holds after a restart, too.
        owner = hashlib.sha256(by.encode()).hexdigest()[:16]
        try:
            return self._folder / f"{UUID(identity)}-{owner}.part"
        except ValueError as error:
            raise ModelError(
                "upload-unknown", "There is no such upload: begin it again."
            ) from error

    def _check_disk(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free - RESERVE
        if size > free:
            raise ModelError(
                "disk-full",
                f"{gigabytes(size)} GB are needed in the models folder, and {gigabytes(max(free, 0))} "
                "GB may be used. Free some, or remove a model.",
            )

    def _tidy(self) -> None:
        before = time.time() - STALE_SECONDS
        for file in self._folder.glob("*.part"):
            if file.stat().st_mtime < before:
                file.unlink(missing_ok=True)
