"""Reports as files: canonical JSON (RFC 8785), signed by the installation's key (Ed25519, RFC 8032).

compliance/verify_report.py checks the same with code of its own; the two must agree on CONTEXT and on
the form of a file.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from django.conf import settings

from audit import keys

#: What is signed begins with this line, so that no other signature of the key passes for a report's.
CONTEXT = b"sovereign-report-v1\n"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report that lies in EVIDENCE_DIR/reports. `number` counts from 1, `sha256` is the file's."""

    id: str
    number: int
    made_at: str
    ok: bool
    sha256: str
    path: Path

    def content(self) -> dict[str, Any]:
        """What the report says: the value of "report" in the file."""
        content: dict[str, Any] = json.loads(self.path.read_bytes())["report"]
        return content


def folder() -> Path:
    return Path(settings.EVIDENCE_DIR) / "reports"


def signed(report: dict[str, Any]) -> bytes:
    """The bytes of a report's file. Raises ValueError for what canonical JSON does not hold."""
    message = CONTEXT + rfc8785.dumps(report)
    public = keys.public_key(keys.public_pem())
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = {
        "algorithm": "Ed25519",
        "fingerprint": keys.fingerprint(),
        "key": raw.hex(),
        "value": keys.sign(message).hex(),
    }
    return rfc8785.dumps({"report": report, "signature": signature})


def save(name: str, content: bytes) -> Path:
    """Write EVIDENCE_DIR/reports/NAME, mode 600. Raises FileExistsError: nothing is overwritten."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder() / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def saved() -> list[ReportFile]:
    """The reports that are there, the newest first. A file that is none is left out."""
    found = (_read(path) for path in folder().glob("*.json") if _ID.fullmatch(path.stem))
    return sorted((each for each in found if each), key=lambda each: each.number, reverse=True)


def find(identifier: str) -> ReportFile | None:
    """The report with this id; None for anything that is no id of one."""
    path = folder() / f"{identifier}.json"
    return _read(path) if _ID.fullmatch(identifier) and path.is_file() else None


def _read(path: Path) -> ReportFile | None:
    try:
        raw = path.read_bytes()
        report = json.loads(raw)["report"]
        return ReportFile(
            id=str(report["id"]),
            number=int(report["number"]),
            made_at=str(report["made_at"]),
            ok=bool(report["ok"]),
            sha256=hashlib.sha256(raw).hexdigest(),
            path=path,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
