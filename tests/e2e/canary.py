"""Unique words, a journey with every error that a person or a crash can cause, and where to look.

Each canary is one word of letters and digits, so that no encoding that keeps ASCII tears it apart;
base64, percent-encoding and UTF-16 are looked for as well.
"""

import base64
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

PASSWORD = "eleven patient orchards"
#: What is planted, by where.
PLACES = (
    *("document", "draft", "question", "unstored", "search", "comment", "filename", "folder"),
    *("collection", "description", "email", "person", "password", "group", "token", "address"),
    *("body", "header", "browser"),
)
CANARIES = {place: f"zq{place}{secrets.token_hex(6)}" for place in PLACES}


def encodings(word: str) -> Iterator[bytes]:
    """The word as programs write it: plain, UTF-16, and inside base64 at each of three alignments."""
    yield word.encode()
    yield word.encode("utf-16-le")
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + word.encode())
        # The characters at both ends depend on the neighbours.
        yield whole[4 if shift else 0 : -4]


NEEDLES = {
    encoded.lower(): place for place, word in CANARIES.items() for encoded in encodings(word)
}
_PATTERN = re.compile(b"|".join(re.escape(needle) for needle in NEEDLES))


def found_in(data: bytes) -> set[str]:
    """The places whose canary is in `data`, whatever its case."""
    return {NEEDLES[match] for match in _PATTERN.findall(data.lower())}


def found_in_files(files: Iterable[Path]) -> dict[str, set[str]]:
    """Path -> places, for files that hold any. A file that is gone meanwhile holds nothing."""
    hits = {}
    for file in files:
        with suppress(FileNotFoundError, PermissionError, OSError):
            if file.is_file() and not file.is_symlink() and (places := found_in(file.read_bytes())):
                hits[str(file)] = places
    return hits


def processes(root: int) -> list[int]:
    """A process with all that descend from it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


@dataclass
class Person:
    """Somebody with a browser and a token."""

    base: str
    email: str
    password: str
    web: httpx.Client = field(init=False)
    api: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.web = httpx.Client(base_url=self.base, timeout=120, follow_redirects=True)
        self.api = httpx.Client(base_url=f"{self.base}/api/v1", timeout=120)

    def close(self) -> None:
        self.web.close()
        self.api.close()

    def sign_in(self) -> httpx.Response:
        form = {"email": self.email, "password": self.password}
        return self.post("/accounts/sign-in/", form)

    def post(self, path: str, form: dict[str, Any], **options: Any) -> httpx.Response:
        """A form of ours, with the CSRF token that this browser has."""
        if "csrftoken" not in self.web.cookies:
            self.web.get("/accounts/sign-in/")
        headers = {"X-CSRFToken": self.web.cookies["csrftoken"], "Referer": f"{self.base}/"}
        return self.web.post(path, data=form, headers=headers, **options)

    def with_token(self, name: str) -> "Person":
        body = {"email": self.email, "password": self.password, "name": name}
        made = self.api.post("/tokens", json=body)
        made.raise_for_status()
        self.api.headers["Authorization"] = f"Bearer {made.json()['token']}"
        return self

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self.api.request(method, path, **options)
        assert answer.is_success, (method, path.split("/")[1], answer.status_code, answer.text)
        return answer.json() if answer.content else None
