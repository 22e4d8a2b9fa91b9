"""What the guard refused in a child that read a document: into the file of all refusals."""

import json
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from ingest.models import Document
from wall import refusals

log = structlog.get_logger(__name__)


def write_down(document: Document, lines: list[dict[str, Any]]) -> None:
    """The file made its reader call out: the guard's lines go where all of them go, with its id."""
    log.warning("document.called.out", document=str(document.pk), lines=len(lines))
    for line in lines:
        told = json.dumps({**line, "document": str(document.pk)}).encode() + b"\n"
        try:
            refusals.append(Path(settings.EVIDENCE_DIR), told)
        except OSError as error:  # a full disk keeps nobody from reading on
            log.error("refusal.unwritten", error=type(error).__name__)
