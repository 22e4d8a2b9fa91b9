"""The record for other programs: JSON lines, CSV, CEF. Streams: any number of entries, little memory.

JSON lines hold just what was hashed, and the digest: somebody else can verify the chain from them.
"""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from audit.chain import canonical, fields_of, stamp
from audit.models import Entry, Seal
from audit.record import Data

BATCH = 500

#: A spreadsheet takes what begins with these for a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

COLUMNS = (
    *("position", "sealed", "id", "uuid", "at", "actor", "action", "target_type", "target_id"),
    *("request_id", "data", "previous", "digest"),
)
#: Parts of an action's name that stand for something refused or faulty.
ALARMS = ("refuse", "fail", "fault", "lock", "contradict")


class UnknownFormat(ValueError):
    """Not one of FORMATS."""


def lines(entries: QuerySet[Entry], form: str) -> Iterator[str]:
    """One line an entry with its end, the oldest first; CSV begins with the columns' names.

    `form` is `jsonl`, `csv` or `cef`. Raises UnknownFormat at once.
    """
    if form not in FORMATS:
        raise UnknownFormat(form)
    return _lines(entries, form)


def summary(form: str, count: int, **filters: str) -> Data:
    """What RECORD_EXPORTED holds: the format, how many entries, by which filters."""
    return {
        "format": form,
        "entries": count,
        **{name: text for name, text in filters.items() if text},
    }


def _lines(entries: QuerySet[Entry], form: str) -> Iterator[str]:
    if form == "csv":
        yield _csv_row(COLUMNS)
    found = entries.order_by("id").select_related("seal")
    for entry in found.iterator(chunk_size=BATCH):
        yield FORMATS[form](_values(entry))


def _values(entry: Entry) -> dict[str, Any]:
    seal: Seal | None = getattr(entry, "seal", None)
    return {
        **fields_of(entry),
        "position": seal.position if seal else None,
        "previous": seal.previous if seal else None,
        "sealed": stamp(seal.at) if seal else None,
        "digest": seal.digest if seal else None,
    }


def _jsonl(values: dict[str, Any]) -> str:
    try:
        return canonical(values).decode("utf-8") + "\n"
    except ValueError:
        # Somebody wrote to the table what record() refuses: shown as it is, it has no digest.
        return json.dumps(values, sort_keys=True) + "\n"


# --- CSV (RFC 4180) -------------------------------------------------------------------------------
def _csv(values: dict[str, Any]) -> str:
    cells = {**values, "data": json.dumps(values["data"], ensure_ascii=False, sort_keys=True)}
    return _csv_row([_cell(cells[name]) for name in COLUMNS])


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv_row(cells: Any) -> str:
    row = _Row()
    csv.writer(row, quoting=csv.QUOTE_ALL).writerow(cells)
    return row.text


class _Row:
    """What csv.writer takes for a file."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


# --- CEF ------------------------------------------------------------------------------------------
def _cef(values: dict[str, Any]) -> str:
    """ArcSight's Common Event Format, version 0: a header between bars, then key=value."""
    action = str(values["action"])
    severity = 6 if action.rpartition(".")[2] in ALARMS else 3
    header = ("Sovereign", "Sovereign", settings.VERSION, action, action, str(severity))
    extension = {
        "rt": str(int(datetime.fromisoformat(values["at"]).timestamp() * 1_000)),
        "externalId": values["uuid"],
        "suid": values["actor"],
        "cs1Label": "target",
        "cs1": f"{values['target_type']}:{values['target_id']}" if values["target_type"] else "",
        "cs2Label": "request",
        "cs2": values["request_id"],
        "cs3Label": "data",
        "cs3": json.dumps(values["data"], ensure_ascii=False, sort_keys=True),
        "cs4Label": "digest",
        "cs4": values["digest"] or "",
        "cn1Label": "position",
        "cn1": "" if values["position"] is None else str(values["position"]),
    }
    said = " ".join(f"{key}={_cef_value(text)}" for key, text in extension.items() if text)
    return f"CEF:0|{'|'.join(map(_cef_header, header))}|{said}\n"


def _cef_header(text: str) -> str:
    """Backslash and bar are escaped; a header has one line."""
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"), " ", " ")


def _cef_value(text: str) -> str:
    """Backslash and equals sign are escaped; line ends are written as \\n and \\r."""
    return _one_line(text.replace("\\", "\\\\").replace("=", "\\="), "\\n", "\\r")


def _one_line(text: str, newline: str, carriage: str) -> str:
    """No other character may look like a line's end to a reader either."""
    text = text.replace("\n", newline).replace("\r", carriage)
    return " ".join(text.splitlines())


FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {"jsonl": _jsonl, "csv": _csv, "cef": _cef}
