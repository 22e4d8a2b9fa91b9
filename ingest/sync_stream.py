"""A file on its way from a source, as uploads take them."""

import hashlib
from collections.abc import Callable, Iterator

from django.core.files.base import File

from ingest.sources.base import Item


class SourceFile(File):  # type: ignore[type-arg]
    """Read once, front to back. `beat` is called with each piece, so that a long one keeps its lease;
    `check` with the SHA-256 of all, before anything is kept: what it raises ends the upload."""

    def __init__(
        self,
        item: Item,
        parts: Iterator[bytes],
        beat: Callable[[], None],
        check: Callable[[str], None],
    ) -> None:
        super().__init__(None, name=item.path)
        self.size = item.size or 0
        self._parts, self._beat, self._check = parts, beat, check

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for part in self._parts:
            self._beat()
            digest.update(part)
            yield part
        self._check(digest.hexdigest())
